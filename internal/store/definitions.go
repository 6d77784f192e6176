package store

import "sync"

// MetaDefinitions names the row of meta that says which definitions are in force: roles, resources, what
// roles mean, settings, and which targets there are. The database itself gives it a new random value with
// every change of one of them, by whatever path (migrations/sqlite/00006_definitions.sql).
const MetaDefinitions = "definitions"

// maxRemembered bounds what is kept of one state of the definitions.
const maxRemembered = 4096

// memory keeps what was worked out of one state of the definitions.
type memory struct {
	mu      sync.Mutex
	version string
	values  map[any]any
}

// Remembered returns what load makes of definitions alone; while none changes, it is loaded once. Which
// state of the definitions is in force is read in the very snapshot or transaction that asks, so that a
// decision never rests on another one, whichever node wrote it (invariant 3). The value is shared: nobody
// changes it. Keys are comparable and of a type that belongs to the caller.
func Remembered[T any](r *Reader, key any, load func() (T, error)) (T, error) {
	version, err := r.definitions()
	if err != nil {
		var zero T
		return zero, err
	}
	if v, ok := r.memory.get(version, key).(T); ok {
		return v, nil
	}
	v, err := load()
	if err == nil {
		r.memory.put(version, key, v)
	}
	return v, err
}

// definitions reads which state is in force, once for a snapshot; after a write of the same transaction
// it is read again.
func (r *Reader) definitions() (_ string, err error) {
	if r.version == "" {
		r.version, err = r.Meta(MetaDefinitions)
	}
	return r.version, err
}

func (m *memory) get(version string, key any) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version != version || len(m.values) >= maxRemembered {
		m.version, m.values = version, map[any]any{}
	}
	return m.values[key]
}

// put keeps a value, unless the definitions have changed meanwhile or nothing says what they are.
func (m *memory) put(version string, key, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version == version && version != "" {
		m.values[key] = value
	}
}
