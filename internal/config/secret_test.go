package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stint/internal/config"
)

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	env := func(name string) (string, bool) { return map[string]string{"SET": "from env"}[name], true }
	for _, tt := range []struct{ ref, want, fault string }{
		{write("good", "s3cret\r\n", 0o640), "s3cret", ""},
		{write("inner", " two words \n", 0o400), " two words ", ""},
		{write("open", "s3cret", 0o644), "", "open to everybody"},
		{write("empty", "\n", 0o600), "", "is empty"},
		{write("large", strings.Repeat("x", 64<<10+1), 0o600), "", "at most 65536 bytes"},
		{"file:" + dir, "", "plain file"},
		{"file:" + dir + "/none", "", "does not exist"},
		{"env:SET", "from env", ""},
		{"env:UNSET", "", "UNSET is not set"},
	} {
		ref, err := config.ParseSecret(tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ref.Read(env)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %q, %v", tt.ref, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the secret is in the error: %v", err)
		}
	}
	if got, err := (config.Secret{}).Read(env); got != "" || err != nil {
		t.Errorf("no secret: %q, %v", got, err)
	}
}
