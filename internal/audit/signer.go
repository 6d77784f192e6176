package audit

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints of one log with Ed25519. The key never leaves it.
type Signer struct {
	origin string
	vkey   string
	seed   []byte
	note   note.Signer
}

// OpenSigner reads the signing key of the log from a file. recorded is the verifier key the database
// remembers: empty at first start, when a missing file is made (0600, in a directory 0700). Later a
// missing, readable, damaged or different key is an error and nothing is written (DESIGN §4
// invariant 12). The caller records VKey after the first start.
func OpenSigner(path, origin, recorded string) (*Signer, error) {
	if recorded == "" {
		if err := createKey(path, origin); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("audit signing key: %w", err)
		}
	}
	text, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("audit signing key %s is missing, but this log was signed before; put the key back from its safe copy, or start a new epoch by a restore", path)
	}
	if err != nil {
		return nil, err
	}
	seed, err := seedOf(text)
	if err != nil {
		return nil, fmt.Errorf("audit signing key %s is damaged (%w); put it back from its safe copy, or remove it if Stint never started with it", path, err)
	}
	s, err := newSigner(seed, origin)
	if err != nil {
		return nil, err
	}
	if recorded != "" && s.vkey != recorded {
		return nil, fmt.Errorf("audit signing key %s does not fit this log: it is %s, the log was signed by %s; put the right key back", path, s.vkey, recorded)
	}
	return s, nil
}

// newSigner names the key after the origin, as C2SP tlog-checkpoint asks.
func newSigner(seed []byte, origin string) (*Signer, error) {
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("audit signing key: %w", err)
	}
	id := strings.Split(strings.TrimPrefix(vkey, origin+"+"), "+")[0]
	n, err := note.NewSigner("PRIVATE+KEY+" + origin + "+" + id + "+" + encodeBase64(append([]byte{1}, seed...)))
	if err != nil {
		return nil, fmt.Errorf("audit signing key: origin %q cannot name a key", origin)
	}
	return &Signer{origin: origin, vkey: vkey, seed: seed, note: n}, nil
}

// VKey is the public verifier key, "<origin>+<hash>+<key>": what the database records and auditors keep.
func (s *Signer) VKey() string { return s.vkey }

// Origin is the name of the log whose checkpoints s signs.
func (s *Signer) Origin() string { return s.origin }

// ForOrigin returns a signer with the same key for another log: the next epoch after a restore.
func (s *Signer) ForOrigin(origin string) (*Signer, error) { return newSigner(s.seed, origin) }

// Sign returns the checkpoint of a committed head. The caller must never sign two heads of one log
// that are not consistent with each other.
func (s *Signer) Sign(h Head) (Checkpoint, error) {
	c := Checkpoint{Origin: s.origin, Size: h.Size, Root: h.Root}
	signed, err := note.Sign(&note.Note{Text: c.text()}, s.note)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint of %d entries: %w", h.Size, err)
	}
	c.Note = signed
	return c, nil
}

// MACKey derives a key for another purpose from the signing key, the same in every epoch; nothing about the
// signing key can be learned from it.
func (s *Signer) MACKey(purpose string) []byte {
	h := hmac.New(sha256.New, s.seed)
	h.Write([]byte("stint key for " + purpose))
	return h.Sum(nil)
}

// String keeps the key out of logs and error texts.
func (s *Signer) String() string { return "audit.Signer(" + s.origin + ")" }

// GoString keeps the key out of %#v.
func (s *Signer) GoString() string { return s.String() }

func createKey(path, origin string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("directory %s is open to others (%#o); run chmod 700 on it", dir, info.Mode().Perm())
	}
	skey, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	if _, err := seedOf(skey); err != nil {
		return fmt.Errorf("origin %q cannot name a key: no spaces and no plus are allowed", origin)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(skey + "\n")
	if err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// syncDir makes a new name durable: a key that signed and is then lost would end the log.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("audit signing key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of the open file, so that it cannot be exchanged in between
	if err != nil {
		return "", fmt.Errorf("audit signing key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("audit signing key %s must be a plain file that only its owner can read (it is %s); run chmod 600 on it, and make a new key if others could have read it", path, info.Mode())
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("audit signing key: %w", err)
	}
	return string(b), nil
}

// seedOf takes the Ed25519 seed out of a note signer key. The name in the file is the first origin;
// later epochs use the same seed under their own.
func seedOf(text string) ([]byte, error) {
	skey := strings.TrimSuffix(text, "\n")
	if _, err := note.NewSigner(skey); err != nil {
		return nil, errors.New("it is not a note signer key")
	}
	b, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4]) // base64 has plus signs too
	if err != nil || len(b) != 1+ed25519.SeedSize {
		return nil, errors.New("it is not an Ed25519 key")
	}
	return b[1:], nil
}
