package broker

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sealer keeps credentials of targets unreadable in the database: AES-256-GCM with a key that lives in a
// file outside it (invariant 12). What it seals is bound to its row, so that ciphertexts cannot be swapped.
type Sealer struct {
	aead  cipher.AEAD
	begun cipher.AEAD // another key, for what browsers keep until the provider's answer
	check string
}

// OpenSealer reads the key file. recorded is what the database remembers of the key: empty at first
// start, when a missing file is made, 0600.
func OpenSealer(path, recorded string) (*Sealer, error) {
	if recorded == "" {
		if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the sealing key: %w", err)
		}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the sealing key %s is missing, but this database was sealed with one; put it back from its safe copy", path)
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the sealing key %s can be read by others; run chmod 600 on it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("the sealing key %s is damaged; put it back from its safe copy", path)
	}
	s, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	if recorded != "" && recorded != s.check {
		return nil, fmt.Errorf("the sealing key %s does not fit this database; put the right key back, or apply the file again with `stint apply --reseal`", path)
	}
	return s, nil
}

func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	derived := hmac.New(sha256.New, key)
	derived.Write([]byte("stint key for begun sign-ins"))
	if block, err = aes.NewCipher(derived.Sum(nil)); err != nil {
		return nil, err
	}
	begun, err := cipher.NewGCM(block)
	sum := sha256.Sum256(append([]byte("stint sealing key check\n"), key...))
	return &Sealer{aead: aead, begun: begun, check: base64.StdEncoding.EncodeToString(sum[:12])}, err
}

func makeKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(randomBytes(32)) + "\n"); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// Check tells whether a key fits, without holding it.
func (s *Sealer) Check() string { return s.check }

// Seal encrypts a secret for one row.
func (s *Sealer) Seal(row string, secret []byte) (string, error) {
	return sealWith(s.aead, row, secret)
}

func sealWith(aead cipher.AEAD, row string, secret []byte) (string, error) {
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, secret, []byte(row))), nil
}

// Unseal decrypts a secret of one row. Its errors hold nothing of it.
func (s *Sealer) Unseal(row, sealed string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return nil, errors.New("the sealed credential is damaged; apply the file again")
	}
	secret, err := s.aead.Open(nil, raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():], []byte(row))
	if err != nil {
		return nil, errors.New("the sealed credential does not belong to this target or key; apply the file again")
	}
	return secret, nil
}

// openBegun opens what a browser kept.
func (s *Sealer) openBegun(what, kept string) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(kept)
	n := s.begun.NonceSize()
	if err != nil || len(raw) < n {
		return nil, false
	}
	text, err := s.begun.Open(nil, raw[:n], raw[n:], []byte(what))
	return text, err == nil
}
