package config_test

import (
	"strings"
	"testing"

	"stint/internal/config"
)

// T28: the password of the database is used and never shown.
func TestDatabasePasswordIsNeverShown(t *testing.T) {
	vars := map[string]string{"STINT_DATABASE": "postgres://stint:hunter2@db.example.org/stint", "PW": "se/cret"}
	env := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	c, err := parse(t, "", vars)
	if err != nil {
		t.Fatal(err)
	}
	if shown := c.Values(); strings.Contains(shown, "hunter2") || !strings.Contains(shown, "db.example.org") {
		t.Errorf("shown: %s", shown)
	}
	if got := c.Database.Bare(); got != "postgres://stint@db.example.org/stint" {
		t.Errorf("bare: %s", got)
	}
	for given, want := range map[string]string{
		"postgres://stint:hunter2@db.example.org/stint": "postgres://stint:hunter2@db.example.org/stint?sslmode=verify-full",
		"postgres://stint@127.0.0.1/stint":              "postgres://stint:se%2Fcret@127.0.0.1/stint",
		"postgres://db.example.org/stint":               "postgres://:se%2Fcret@db.example.org/stint?sslmode=verify-full",
	} {
		var c config.Config
		_ = c.Database.UnmarshalText([]byte(given))
		if !strings.Contains(given, "hunter2") {
			_ = c.DatabasePassword.UnmarshalText([]byte("env:PW"))
		}
		if err := c.Complete(); err != nil {
			t.Error(err)
		}
		if got, err := c.DatabaseURL(env); err != nil || got != want {
			t.Errorf("%s: %s, %v", given, got, err)
		}
	}
	for _, wrong := range []string{"postgres://stint:hunter2 @[/stint", "postgres://stint:hunter2%zz@h/stint", "postgres://stint:hunter2@h/stint?sslmode=require", "foo://stint:hunter2@h/x"} {
		var c config.Config
		_ = c.Database.UnmarshalText([]byte(wrong))
		if err := c.Complete(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
