package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// ProofHeader is the first line of a proof.
	ProofHeader = "c2sp.org/tlog-proof@v1"
	// MaxProof is how many bytes of one are read.
	MaxProof = maxNote + 64*(base64Hash+1) + 2*MaxLeaf

	base64Hash = 44
)

// Proof shows offline that one entry is in the log a checkpoint signs (C2SP tlog-proof).
type Proof struct {
	Index      int64            // the entry's seq
	Hashes     tlog.RecordProof // from the leaf's sibling up (RFC 6962 §2.1.1)
	Checkpoint []byte           // the signed note, as it was published
	Extra      []byte           // not authenticated; a receipt puts the leaf here, and Verify hashes it
}

// Receipt proves that the log under c holds leaf as entry seq, reading at most 2·log₂(c.Size) stored
// hashes. It checks the proof before it hands it out, so a damaged hash table gives an error and
// never a receipt that fails elsewhere.
func Receipt(c Checkpoint, seq int64, leaf []byte, r tlog.HashReader) (Proof, error) {
	hashes, err := tlog.ProveRecord(c.Size, seq, r)
	if err != nil {
		return Proof{}, fmt.Errorf("receipt for entry %d under %d entries: %w", seq, c.Size, err)
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, seq, tlog.RecordHash(leaf)); err != nil {
		return Proof{}, fmt.Errorf("receipt for entry %d: the stored log does not fit its own checkpoint of %d entries; run stint audit verify", seq, c.Size)
	}
	return Proof{Index: seq, Hashes: hashes, Checkpoint: c.Note, Extra: leaf}, nil
}

// Verify checks the proof for the leaf against a checkpoint signed by one of the verifier keys, and
// returns the entry and that checkpoint. A nil leaf takes the one a receipt carries in Extra.
func (p Proof) Verify(leaf []byte, vkeys ...string) (Entry, Checkpoint, error) {
	if leaf == nil {
		leaf = p.Extra
	}
	c, err := ParseCheckpoint(p.Checkpoint, vkeys...)
	if err != nil {
		return Entry{}, Checkpoint{}, err
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, tlog.RecordHash(leaf)); err != nil {
		return Entry{}, Checkpoint{}, fmt.Errorf("proof: entry %d is not in the log of %d entries that %s signed: %w", p.Index, c.Size, c.Origin, err)
	}
	e, err := Decode(leaf)
	if err != nil {
		return Entry{}, Checkpoint{}, err
	}
	if e.Seq != p.Index {
		return Entry{}, Checkpoint{}, fmt.Errorf("proof: the leaf says entry %d, the proof says %d", e.Seq, p.Index)
	}
	return e, c, nil
}

// Format writes the proof as a .tlog-proof text.
func (p Proof) Format() []byte {
	var b bytes.Buffer
	b.WriteString(ProofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + encodeBase64(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads a .tlog-proof text. It verifies nothing; the result formats to the same bytes.
func ParseProof(text []byte) (Proof, error) {
	if len(text) > MaxProof {
		return Proof{}, fmt.Errorf("proof: %d bytes; at most %d are allowed", len(text), MaxProof)
	}
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != ProofHeader {
		return Proof{}, fmt.Errorf("proof: must start with the line %q and hold an empty line before the checkpoint", ProofHeader)
	}
	p, lines := Proof{Checkpoint: []byte(checkpoint)}, lines[1:]
	var err error
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if p.Extra, err = base64.StdEncoding.DecodeString(lines[0][len("extra "):]); err != nil {
			return Proof{}, errors.New("proof: the extra line is not base64")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return Proof{}, errors.New("proof: the index line is missing")
	}
	if p.Index, err = strconv.ParseInt(lines[0][len("index "):], 10, 64); err != nil || p.Index < 0 {
		return Proof{}, errors.New("proof: the index must be a decimal number")
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, errors.New("proof: a line of the path is not the base64 of a hash")
		}
		p.Hashes = append(p.Hashes, h)
	}
	if !bytes.Equal(p.Format(), text) {
		return Proof{}, errors.New("proof: not in its one canonical spelling")
	}
	return p, nil
}

// ProveConsistency returns the proof that the log under newer continues the log under older, checked
// against both roots before it is handed out.
func ProveConsistency(older, newer Checkpoint, r tlog.HashReader) (tlog.TreeProof, error) {
	if older.Size == 0 || older.Size > newer.Size {
		return nil, CheckConsistency(older, newer, nil)
	}
	proof, err := tlog.ProveTree(newer.Size, older.Size, r)
	if err != nil {
		return nil, fmt.Errorf("consistency of %d with %d entries: %w", older.Size, newer.Size, err)
	}
	return proof, CheckConsistency(older, newer, proof)
}

// CheckConsistency verifies that newer continues older: same origin, nothing removed, nothing changed.
func CheckConsistency(older, newer Checkpoint, proof tlog.TreeProof) error {
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("consistency: %q and %q are different logs", older.Origin, newer.Origin)
	case older.Size > newer.Size:
		return fmt.Errorf("consistency: the log had %d entries and now has %d: entries were removed", older.Size, newer.Size)
	case older.Size == 0: // the empty log is the beginning of every log; tlog has no proof for it
		if older.Root != EmptyHead().Root || len(proof) > 0 {
			return errors.New("consistency: the older checkpoint is not that of an empty log")
		}
		return nil
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("consistency: the log of %d entries does not continue the log of %d: an older entry was changed", newer.Size, older.Size)
	}
	return nil
}
