package config

import (
	"errors"
	"strings"
)

// FieldError refuses one field.
type FieldError struct {
	Field   string // as in the file, such as public_url
	Where   string // where the value came from; "" for a default or a value set in code
	Message string // what is allowed and what to do
}

// Error names the field as in the file, as a flag and in the environment.
func (e *FieldError) Error() string {
	flag := flagName(e.Field)
	text := e.Field + " (--" + flag + ", " + envName(flag) + ")"
	if e.Where != "" {
		text += ", set by " + e.Where
	}
	return text + ": " + e.Message
}

func (c *Config) wrong(flag, message string) error {
	return &FieldError{Field: fileName(flag), Where: c.where[flag], Message: message}
}

// faults collects what is wrong, so that one start tells everything.
type faults struct {
	c    *Config
	errs []error
}

func (f *faults) add(flag, message string) { f.errs = append(f.errs, f.c.wrong(flag, message)) }

func (f *faults) err() error { return errors.Join(f.errs...) }

func fileName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

func flagName(file string) string { return strings.ReplaceAll(file, "_", "-") }

func envName(flag string) string { return "STINT_" + strings.ToUpper(fileName(flag)) }
