package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote bounds what is read as a checkpoint; a hundred cosignatures fit.
const maxNote = 32 << 10

// Origin names one log: "<host>/stint/audit" for the first epoch and "<host>/stint/audit/<n>" from
// the second on. A log that was restored from a backup cannot continue as itself and starts the next
// epoch (THREATS §5). host is the public host, with a port where there is one.
func Origin(host string, epoch int) (string, error) {
	if host == "" || strings.ContainsAny(host, "+/ \t\r\n") || epoch < 1 {
		return "", fmt.Errorf("audit origin: host %q must be a plain host name and epoch %d at least 1", host, epoch)
	}
	origin := host + "/stint/audit"
	if epoch > 1 {
		origin += "/" + strconv.Itoa(epoch)
	}
	return origin, nil
}

// ParseOrigin reads what Origin made.
func ParseOrigin(origin string) (host string, epoch int, err error) {
	host, n, later := strings.Cut(origin, "/stint/audit/")
	if epoch = 1; !later {
		host = strings.TrimSuffix(origin, "/stint/audit")
	} else if epoch, err = strconv.Atoi(n); err != nil {
		epoch = 0
	}
	if again, bad := Origin(host, epoch); bad != nil || again != origin {
		return "", 0, fmt.Errorf("%q is not the name of a log of Stint", origin)
	}
	return host, epoch, nil
}

// VKeyFor is the verifier key of the same signing key for another epoch's origin.
func VKeyFor(vkey, origin string) (string, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return "", fmt.Errorf("verifier key %q: it has three parts, with + between", vkey)
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 1 {
		return "", fmt.Errorf("verifier key %q: it is not an Ed25519 key", vkey)
	}
	return note.NewEd25519VerifierKey(origin, key[1:])
}

// Checkpoint is a tree head that somebody signed: C2SP tlog-checkpoint without extension lines.
type Checkpoint struct {
	Origin string
	Size   int64     // entries the root covers: seq 0 to Size-1
	Root   tlog.Hash // RFC 6962
	Note   []byte    // the signed note as received, cosignatures included; nil when only size and root are known
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint reads a signed note and verifies it: it must be signed, under its own origin, by
// one of the verifier keys. Signatures by unknown keys (witnesses, a coming key) are left unread.
func ParseCheckpoint(signed []byte, vkeys ...string) (Checkpoint, error) {
	return verifiersOf(vkeys)(signed)
}

// verifiersOf is ParseCheckpoint that reads the keys once for many checkpoints. It may be called from anywhere at once.
func verifiersOf(vkeys []string) func(signed []byte) (Checkpoint, error) {
	var known []note.Verifier
	var bad error
	for _, vkey := range slices.Compact(slices.Sorted(slices.Values(vkeys))) {
		v, err := note.NewVerifier(vkey)
		if err != nil && bad == nil {
			bad = fmt.Errorf("checkpoint: verifier key %q: %w", vkey, err)
		}
		known = append(known, v)
	}
	return func(signed []byte) (Checkpoint, error) {
		switch {
		case len(signed) > maxNote:
			return Checkpoint{}, fmt.Errorf("checkpoint: %d bytes; at most %d are allowed", len(signed), maxNote)
		case bad != nil:
			return Checkpoint{}, bad
		}
		return parseSigned(signed, note.VerifierList(known...))
	}
}

func parseSigned(signed []byte, known note.Verifiers) (Checkpoint, error) {
	n, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, s := range n.Sigs { // another spelling of a signature is a changed checkpoint
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, errors.New("checkpoint: a signature is not in its one canonical spelling")
		}
	}
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == c.Origin }) {
		return Checkpoint{}, fmt.Errorf("checkpoint: origin %q is not the name of the key that signed it", c.Origin)
	}
	c.Note = slices.Clone(signed)
	return c, nil
}

// ReadCheckpoint reads a signed note without verifying it: for finding out whose it claims to be, and for what is verified
// where it goes.
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok || len(signed) > maxNote {
		return Checkpoint{}, errors.New("checkpoint: no signed note")
	}
	c, err := parseText(text + "\n")
	c.Note = slices.Clone(signed)
	return c, err
}

func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, errors.New("checkpoint: must be three lines: origin, size, root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, errors.New("checkpoint: the second line must be the number of entries")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errors.New("checkpoint: the third line must be the base64 of a root hash")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if c.text() != text {
		return Checkpoint{}, errors.New("checkpoint: size or root is not in its one canonical spelling")
	}
	return c, nil
}

// encodeBase64 is the one spelling of hashes and extra data in notes and proofs (RFC 4648 §4).
func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
