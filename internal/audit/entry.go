package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxLeaf is the largest encoded entry in bytes. C2SP tlog-tiles bundles have uint16 lengths.
	MaxLeaf = 16 << 10
	// SaltSize is the length of the salt of a commitment in bytes.
	SaltSize = 32

	// ResultOK marks an entry about something that happened.
	ResultOK = "ok"
	// ResultRefused marks an entry about something that was asked for and refused.
	ResultRefused = "refused"

	leafVersion = 1
	maxID       = 256
)

// Entry is one audit event as it is hashed. It holds no personal text (DESIGN §4 invariant 11).
type Entry struct {
	Seq         int64             // leaf index: 0-based, gap-free
	At          time.Time         // UTC, whole microseconds, from 1970 on
	Type        string            // "noun.past_participle", such as "activation.requested"
	Actor       string            // principal id, or "system"
	Subject     string            // id of the principal the event is about; may be empty
	RoleID      string            // may be empty
	ResourceID  string            // may be empty
	TargetID    string            // may be empty
	ObjectID    string            // the row the event is about; may be empty
	Correlation string            // activation id that binds a whole story; may be empty
	Result      string            // ResultOK or ResultRefused
	Facts       map[string]any    // string, int64, bool, []string, or a map of these
	Commitments map[string]string // field name to Commit's answer
}

// Encode returns the exact bytes that are hashed: RFC 8785 canonical JSON without floats, at most
// MaxLeaf bytes, empty fields left out. Times lose what is finer than a microsecond. The error names
// the field that cannot be written.
func Encode(e Entry) ([]byte, error) { return appendEntry(make([]byte, 0, 640), &e) }

// appendEntry needs an empty b.
func appendEntry(b []byte, e *Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	b = appendText(append(b, '{'), "actor", e.Actor)
	b = append(b, `,"at":`...)
	b = appendInt(b, e.At.UnixMicro())
	if len(e.Commitments) > 0 {
		b = appendStrings(append(b, `,"commitments":`...), e.Commitments)
	}
	b = appendOptional(b, "correlation", e.Correlation)
	if len(e.Facts) > 0 {
		var bad *badFact
		if b, bad = appendFacts(append(b, `,"facts":`...), e.Facts, 1); bad != nil {
			return nil, bad.at("facts")
		}
	}
	b = appendOptional(b, "object", e.ObjectID)
	b = appendOptional(b, "resource", e.ResourceID)
	b = appendText(append(b, ','), "result", e.Result)
	b = appendOptional(b, "role", e.RoleID)
	b = append(b, `,"seq":`...)
	b = appendInt(b, e.Seq)
	b = appendOptional(b, "subject", e.Subject)
	b = appendOptional(b, "target", e.TargetID)
	b = appendText(append(b, ','), "type", e.Type)
	b = append(b, `,"v":`...)
	b = append(appendInt(b, leafVersion), '}')
	if len(b) > MaxLeaf {
		return nil, fmt.Errorf("audit entry %s: %d bytes; at most %d are allowed, keep long texts beside the log as commitments", e.Type, len(b), MaxLeaf)
	}
	return b, nil
}

func (e *Entry) check() error {
	switch {
	case e.Seq < 0 || e.Seq > maxInt:
		return fmt.Errorf("audit entry: seq %d is outside 0 to 2^53-1", e.Seq)
	case e.At.UnixMicro() < 0 || e.At.UnixMicro() > maxInt:
		return fmt.Errorf("audit entry %d: at must be set to a time from 1970 on", e.Seq)
	case !validType(e.Type):
		return fmt.Errorf("audit entry %d: type must look like %q", e.Seq, "activation.requested")
	case e.Actor == "":
		return fmt.Errorf("audit entry %d: actor is empty; use a principal id or %q", e.Seq, "system")
	case e.Result != ResultOK && e.Result != ResultRefused:
		return fmt.Errorf("audit entry %d: result must be %q or %q", e.Seq, ResultOK, ResultRefused)
	}
	for i, text := range e.texts() {
		if len(text) > maxID || !utf8.ValidString(text) {
			return fmt.Errorf("audit entry %d: %s must be UTF-8 of at most %d bytes", e.Seq, textColumns[i], maxID)
		}
	}
	for field, c := range e.Commitments {
		if !validKey(field) || !validCommitment(c) {
			return fmt.Errorf("audit entry %d: commitment %q must be a plain name with the base64 of 32 bytes", e.Seq, field)
		}
	}
	return nil
}

// validType accepts two or more words of a-z, 0-9 and _ with dots between, each beginning with a letter.
func validType(t string) bool {
	words := 0
	for word := range strings.SplitSeq(t, ".") {
		if words++; word == "" || word[0] < 'a' || word[0] > 'z' || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return words > 1 && len(t) <= maxKey
}

// textColumns are the texts of an entry that the entries table repeats for searching, beside seq and at.
var textColumns = [...]string{"type", "actor", "subject", "role", "resource", "target", "object", "correlation", "result"}

func (e *Entry) texts() [len(textColumns)]string {
	return [...]string{e.Type, e.Actor, e.Subject, e.RoleID, e.ResourceID, e.TargetID, e.ObjectID, e.Correlation, e.Result}
}

// Commit returns the commitment to a personal text that is kept beside the log: the base64 of
// SHA-256 over salt, field and value, each preceded by its length as four big-endian bytes. The salt
// must be SaltSize random bytes of its own; without it the text cannot be guessed back, so deleting
// salt and value erases the text (THREATS §5). It panics on a salt of another length.
func Commit(salt []byte, field, value string) string {
	return string(appendCommit(nil, salt, field, value))
}

func appendCommit(dst, salt []byte, field, value string) []byte {
	if len(salt) != SaltSize {
		panic("audit: a commitment needs a salt of 32 random bytes")
	}
	var room [512]byte
	b := append(appendLength(room[:0], len(salt)), salt...)
	b = append(appendLength(b, len(field)), field...)
	b = append(appendLength(b, len(value)), value...)
	sum := sha256.Sum256(b)
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

func appendLength(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(n)) // #nosec G115 -- texts are far below 4 GiB
}

// commits reports whether a commitment is the one to a text.
func commits(commitment string, salt []byte, field, value string) bool {
	var room [64]byte
	return string(appendCommit(room[:0], salt, field, value)) == commitment
}

func validCommitment(c string) bool {
	var b [sha256.Size + 1]byte
	if len(c) != base64.StdEncoding.EncodedLen(sha256.Size) || strings.ContainsAny(c, "\r\n") { // decoding skips line ends
		return false
	}
	n, err := base64.StdEncoding.Strict().Decode(b[:], []byte(c))
	return err == nil && n == sha256.Size
}
