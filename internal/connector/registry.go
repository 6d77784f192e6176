package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a connector is opened with.
type Config struct {
	TargetID string
	Settings map[string]string                 // plain and non-secret: address, flavour, base_dn, may_write, …
	Secret   func(name string) (string, error) // unseals a credential by its setting's name; asked when needed, never kept
	Timeout  time.Duration                     // hard deadline of each call; 0 = DefaultTimeout
}

// DefaultTimeout is the hard deadline of a call: shorter than the worker's lease.
const DefaultTimeout = 15 * time.Second

// Factory makes connectors of one kind.
type Factory struct {
	// Open makes the bare connector; it must not touch the network, so that a target that is down can be opened.
	Open func(Config) (Connector, error)

	// Validate checks the plain settings and returns a *FieldError that names the wrong one.
	Validate func(settings map[string]string) error

	// Secrets names the credentials this kind needs, as Config.Secret will be asked for them.
	Secrets func(settings map[string]string) []string

	// Protected lists patterns of entitlements that are refused unless may_write names them literally.
	Protected func(settings map[string]string) []string

	// Covers says whether a may_write or protected pattern means the entitlement of that name or alias. A pattern with
	// a "*" is never a literal naming.
	Covers func(pattern, name string) Match

	// OwnersAreMembers: nobody owns what they are no member of, so that whoever is given the one is given both.
	OwnersAreMembers bool

	// People says that connectors of this kind are People.
	People bool

	// Fields describes the plain settings for forms; a kind without them is set up in a file alone.
	Fields []Field
}

// Match is how surely a pattern means a name.
type Match int

// The answers of Factory.Covers.
const (
	No    Match = iota // it means another entitlement
	Maybe              // only what the target knows besides the name can tell (a bare name against a subtree)
	Yes                // it means this one
)

var (
	registryMu sync.RWMutex
	registry   = map[string]Factory{}
)

// Register makes a kind of target known. It panics when the kind is taken or the factory incomplete: both are defects
// of the program.
func Register(kind string, f Factory) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if _, taken := registry[kind]; taken {
		panic("connector: kind registered twice: " + kind)
	}
	if f.Open == nil || f.Validate == nil || f.Secrets == nil || f.Protected == nil || f.Covers == nil {
		panic("connector: incomplete factory: " + kind)
	}
	registry[kind] = f
}

// Kinds returns the known kinds of target, sorted.
func Kinds() []string {
	registryMu.RLock()
	defer registryMu.RUnlock()
	return slices.Sorted(maps.Keys(registry))
}

// Validate checks a target's plain settings. The error is a *FieldError naming the wrong setting, or "kind".
func Validate(kind string, settings map[string]string) error {
	f, err := factory(kind)
	if err != nil {
		return err
	}
	if len(Lines(settings[MayWrite])) == 0 {
		return &FieldError{MayWrite, "name at least one group or role that Stint may give at the target, one a line"}
	}
	return f.Validate(settings)
}

// Secrets names the credentials a target of this kind needs with these settings.
func Secrets(kind string, settings map[string]string) ([]string, error) {
	f, err := factory(kind)
	if err != nil {
		return nil, err
	}
	return f.Secrets(settings), nil
}

// Open validates the settings and makes the connector, wrapped in its guard. It does not touch the network.
func Open(kind string, cfg Config) (Connector, error) {
	if err := Validate(kind, cfg.Settings); err != nil {
		return nil, fmt.Errorf("target %s: %w", cfg.TargetID, err)
	}
	f, _ := factory(kind)
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	inner, err := f.Open(cfg)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", cfg.TargetID, err)
	}
	return newGuard(inner, cfg, f), nil
}

func factory(kind string) (Factory, error) {
	registryMu.RLock()
	defer registryMu.RUnlock()
	f, ok := registry[kind]
	if !ok {
		known := slices.Sorted(maps.Keys(registry))
		return f, &FieldError{"kind", fmt.Sprintf("unknown kind %q; known: %s", kind, strings.Join(known, ", "))}
	}
	return f, nil
}

// Lines splits a list setting into its trimmed, non-empty lines.
func Lines(setting string) []string {
	var out []string
	for line := range strings.Lines(setting) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
