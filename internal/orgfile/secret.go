package orgfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret is far above any password and far below a wrong file.
const maxSecret = 64 << 10

// ReadSecrets reads the credentials a file names, by target id: from the environment through env, and from
// files relative to the folder of the Doc's name. The error is an *Errors; it never holds anything of a secret.
func (d *Doc) ReadSecrets(env func(name string) (string, bool)) (map[string]string, error) {
	out, errs := map[string]string{}, &Errors{File: d.Name}
	for _, t := range d.Targets {
		var secret string
		var err error
		switch {
		case t.Secret.Env != "":
			if secret, _ = env(t.Secret.Env); secret == "" {
				err = fmt.Errorf("the environment variable %s is not set; set it for the command that applies the file", t.Secret.Env)
			}
		case t.Secret.File != "":
			secret, err = readSecretFile(filepath.Dir(d.Name), t.Secret.File)
		default:
			continue
		}
		if err != nil {
			errs.Add(t.Secret.Pos, "targets["+t.ID+"].secret", "%s", err)
			continue
		}
		out[t.ID] = secret
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

func readSecretFile(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the file %s does not exist; write the secret into it with mode 0600", path)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("%s must be a plain file of at most %d bytes", path, maxSecret)
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("%s is open to everybody on this machine (mode %04o); run: chmod o= %s", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}
