package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// LookupEnv is os.LookupEnv, or what a test puts in its place.
type LookupEnv func(name string) (value string, set bool)

// Duration is a length of time, written like 30m or 1h30m.
type Duration struct {
	time.Duration
	given string // as written; says "0s" apart from nothing at all
	wrong bool
}

// UnmarshalText keeps what cannot be read for Complete to refuse, so that all faults are told in one go and in one form.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(text)))
	*d = Duration{Duration: v, given: string(text), wrong: err != nil}
	return nil
}

// String is what was written, or Go's form of it.
func (d Duration) String() string {
	if d.given != "" {
		return d.given
	}
	return d.Duration.String()
}

// List is several values: a YAML list, or separated by commas.
type List []string

// UnmarshalText splits at commas; spaces around a value do not count.
func (l *List) UnmarshalText(text []byte) error {
	*l = nil
	for _, v := range strings.Split(string(text), ",") {
		if v = strings.TrimSpace(v); v != "" {
			*l = append(*l, v)
		}
	}
	return nil
}

// String joins the values with commas.
func (l List) String() string { return strings.Join(l, ",") }

// Secret says where a secret is kept: a file or an environment variable. It never holds the secret.
type Secret struct {
	kind, name string
	wrong      bool
}

// ParseSecret reads file:PATH or env:NAME. The error does not repeat the text, which may be the secret itself.
func ParseSecret(text string) (Secret, error) {
	kind, name, _ := strings.Cut(strings.TrimSpace(text), ":")
	if kind != "file" && kind != "env" || name == "" || kind == "env" && strings.ContainsAny(name, "= \t\n") {
		return Secret{wrong: true}, errors.New("must be file:PATH or env:NAME, not the secret itself")
	}
	return Secret{kind: kind, name: name}, nil
}

// UnmarshalText is ParseSecret, leaving the refusal to Complete. An empty text is no secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{}
	if len(text) > 0 {
		*s, _ = ParseSecret(string(text))
	}
	return nil
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// String is the reference: it tells where the secret is, not what it is.
func (s Secret) String() string {
	if s.kind == "" {
		return ""
	}
	return s.kind + ":" + s.name
}

// maxSecret is far above any client secret or bind password, and far below a wrong file.
const maxSecret = 64 << 10

// Read returns the secret, without the line's end; "" for the zero Secret. Errors say where it was looked for.
func (s Secret) Read(env LookupEnv) (string, error) {
	switch s.kind {
	case "file":
		return readSecretFile(s.name)
	case "env":
		v, _ := env(s.name)
		if v == "" {
			return "", fmt.Errorf("the environment variable %s is not set; set it for the Stint process, or use file:PATH", s.name)
		}
		return v, nil
	}
	return "", nil
}

func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the secret file %s does not exist; write the secret into it with mode 0600, owned by Stint's user", path)
	case err != nil:
		return "", fmt.Errorf("the secret file: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("the secret file %s must be a plain file of at most %d bytes", path, maxSecret)
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("the secret file %s is open to everybody on this machine (mode %04o); run: chmod o= %s", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the secret file: %w", err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("the secret file %s is empty", path)
	}
	return secret, nil
}
