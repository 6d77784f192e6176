package connector

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func register(t *testing.T, kind string, f Factory) {
	t.Helper()
	Register(kind, f)
	t.Cleanup(func() {
		registryMu.Lock()
		defer registryMu.Unlock()
		delete(registry, kind)
	})
}

func testFactory(opened *Config) Factory {
	return Factory{
		Open: func(c Config) (Connector, error) { *opened = c; return &stub{}, nil },
		Validate: func(s map[string]string) error {
			if s["address"] == "" {
				return &FieldError{"address", "needed"}
			}
			return nil
		},
		Secrets:   func(map[string]string) []string { return []string{"password"} },
		Protected: func(map[string]string) []string { return nil },
		Covers:    func(pattern, name string) Match { return No },
	}
}

func TestOpen(t *testing.T) {
	var opened Config
	register(t, "test", testFactory(&opened))
	if !slices.Contains(Kinds(), "test") {
		t.Errorf("Kinds = %q", Kinds())
	}
	if names, err := Secrets("test", nil); err != nil || !slices.Equal(names, []string{"password"}) {
		t.Errorf("Secrets = %q, %v", names, err)
	}
	for _, c := range []struct {
		kind     string
		settings map[string]string
		wrong    string
	}{
		{"test", map[string]string{"address": "a", MayWrite: "ops"}, ""},
		{"test", map[string]string{MayWrite: "ops"}, "address"},
		{"test", map[string]string{"address": "a"}, MayWrite},
		{"test", map[string]string{"address": "a", MayWrite: " \n\t\n"}, MayWrite},
		{"nonesuch", nil, "kind"},
	} {
		conn, err := Open(c.kind, Config{TargetID: "t1", Settings: c.settings})
		var field *FieldError
		if errors.As(err, &field); (c.wrong == "") != (err == nil) || field != nil && field.Field != c.wrong {
			t.Errorf("Open(%s, %v): %v, want the field %q", c.kind, c.settings, err, c.wrong)
		}
		if _, wrapped := conn.(*guard); err == nil && !wrapped { // T40
			t.Error("a connector came without its guard")
		}
	}
	if opened.Timeout != DefaultTimeout || opened.Timeout > time.Minute {
		t.Errorf("the deadline is %s", opened.Timeout)
	}
}

func TestRegisterRefusesDefects(t *testing.T) {
	var opened Config
	register(t, "twice", testFactory(&opened))
	for _, c := range []struct {
		kind string
		f    Factory
	}{{"twice", testFactory(&opened)}, {"incomplete", Factory{}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Register(%s) did not panic", c.kind)
				}
			}()
			Register(c.kind, c.f)
		}()
	}
}

func TestLines(t *testing.T) {
	if got := Lines(" a \r\n\n\tb\n"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Lines = %q", got)
	}
}
