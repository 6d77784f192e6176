package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// What passkeys signed is a file of lines in JSON beside an export, in the order of ids; bytes are base64:
//
//	{"format":"stint-passkey-evidence","v":1}
//	{"id":"…","person":"…","passkey":"…","key":"…","owner":"…","at":1790000000000000,"random":"…","signed":"…",…}
//
// The log names the digest of each line's signed parts and of each passkey's key, so that a changed line shows. Reasons
// are not in it: what was signed holds a commitment to them.
const (
	evidenceFormat  = "stint-passkey-evidence"
	maxEvidenceLine = 1 << 20
)

type evidenceHead struct {
	Format string `json:"format"`
	V      int    `json:"v"`
}

type evidenceLine struct {
	ID             string `json:"id"`
	Person         string `json:"person"`
	Passkey        string `json:"passkey"`
	Key            []byte `json:"key"` // COSE
	Owner          string `json:"owner"`
	At             int64  `json:"at"` // µs
	Random         []byte `json:"random"`
	Signed         []byte `json:"signed"`
	AuthData       []byte `json:"auth_data"`
	ClientData     []byte `json:"client_data"`
	Signature      []byte `json:"signature"`
	SignCount      uint32 `json:"sign_count"`
	UserVerified   bool   `json:"user_verified"`
	BackupEligible bool   `json:"backup_eligible"`
	BackedUp       bool   `json:"backed_up"`
}

func lineOf(e store.Evidence) evidenceLine {
	return evidenceLine{ID: e.CeremonyID, Person: e.PrincipalID, Passkey: e.CredentialID, Key: e.PublicKey, Owner: e.Owner, At: e.At.UnixMicro(), Random: e.Random, Signed: e.Canonical,
		AuthData: e.AuthData, ClientData: e.ClientData, Signature: e.Signature, SignCount: e.SignCount, UserVerified: e.UserVerified, BackupEligible: e.BackupEligible, BackedUp: e.BackedUp}
}

func (l evidenceLine) evidence() store.Evidence {
	return store.Evidence{PublicKey: l.Key, Owner: l.Owner, StepUp: pim.StepUp{CeremonyID: l.ID, PrincipalID: l.Person, CredentialID: l.Passkey, At: time.UnixMicro(l.At).UTC(), Random: l.Random,
		Canonical: l.Signed, AuthData: l.AuthData, ClientData: l.ClientData, Signature: l.Signature, SignCount: l.SignCount, UserVerified: l.UserVerified, BackupEligible: l.BackupEligible, BackedUp: l.BackedUp}}
}

// exportPasskeys writes what passkeys signed, and how much that is.
func exportPasskeys(r *store.Reader, out io.Writer) (n int, err error) {
	w := bufio.NewWriterSize(out, 64<<10)
	lines := json.NewEncoder(w)
	if err := lines.Encode(evidenceHead{evidenceFormat, 1}); err != nil {
		return 0, err
	}
	const page = 500
	for after := ""; ; {
		ids, err := r.EvidenceIDs(after, page)
		if err != nil {
			return n, err
		}
		for _, id := range ids {
			e, err := r.Evidence(id)
			if err != nil {
				return n, fmt.Errorf("the evidence %s of a passkey: %w; run stint audit verify", id, err)
			}
			if err := lines.Encode(lineOf(e)); err != nil {
				return n, err
			}
			after, n = id, n+1
		}
		if len(ids) < page {
			return n, w.Flush()
		}
	}
}

// evidenceFile answers from such a file, of which it remembers where each line stands.
type evidenceFile struct {
	f   *os.File
	ids []string
	at  map[string]int64
}

func openEvidence(path string) (*evidenceFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	v := &evidenceFile{f: f, at: map[string]int64{}}
	if err := v.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return v, nil
}

func (v *evidenceFile) index() error {
	lines, place, n := bufio.NewScanner(v.f), int64(0), 0
	lines.Buffer(nil, maxEvidenceLine)
	lines.Split(func(data []byte, end bool) (int, []byte, error) {
		advance, line, err := bufio.ScanLines(data, end)
		place += int64(advance) // a line may end in two bytes
		return advance, line, err
	})
	for at := place; lines.Scan(); n, at = n+1, place {
		if n == 0 {
			var head evidenceHead
			if json.Unmarshal(lines.Bytes(), &head) != nil || head != (evidenceHead{evidenceFormat, 1}) {
				return errors.New("this is no file of stint audit export --passkeys")
			}
			continue
		}
		var line evidenceLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.ID == "" {
			return fmt.Errorf("line %d cannot be read", n+1)
		}
		if len(v.ids) > 0 && line.ID <= v.ids[len(v.ids)-1] {
			return fmt.Errorf("line %d is not in the order of ids, or stands twice", n+1)
		}
		v.ids, v.at[line.ID] = append(v.ids, line.ID), at
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	if n == 0 {
		return errors.New("the file is empty")
	}
	return nil
}

// Evidence returns one line.
func (v *evidenceFile) Evidence(id string) (store.Evidence, error) {
	at, ok := v.at[id]
	if !ok {
		return store.Evidence{}, store.ErrNotFound
	}
	var line evidenceLine
	err := json.NewDecoder(io.NewSectionReader(v.f, at, maxEvidenceLine)).Decode(&line)
	if err == nil && line.ID != id {
		err = errors.New("the file changed while it was read")
	}
	return line.evidence(), err
}

// EvidenceIDs lists ids after one, in order.
func (v *evidenceFile) EvidenceIDs(after string, limit int) ([]string, error) {
	n, there := slices.BinarySearch(v.ids, after)
	if there {
		n++
	}
	return v.ids[n:min(n+limit, len(v.ids))], nil
}

func (v *evidenceFile) close() error { return v.f.Close() }
