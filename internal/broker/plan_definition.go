package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"stint/internal/pim"
)

// maxFacts keeps a definition's facts well within an audit leaf.
const maxFacts = 8 << 10

// saved is the event of a definition. What would not fit into a leaf is there as a digest.
func saved(t pim.EventType, object string, facts map[string]any) pim.Event {
	e := pim.Event{Type: t, Actor: pim.System, ObjectID: object, Result: pim.OK, Facts: facts, Texts: map[string]string{}}
	if text, err := json.Marshal(facts); err == nil && len(text) > maxFacts {
		e.Facts = map[string]any{"sha256": sha256Hex(text)}
	}
	return e.With("source", string(pim.SourceFile))
}

func index[K comparable, T any](items []T, key func(T) K) map[K]T {
	m := make(map[K]T, len(items))
	for _, item := range items {
		m[key(item)] = item
	}
	return m
}

// keep lists what no file owns.
func (p *planner) keep(s pim.Source, what string) {
	if s != pim.SourceFile && s != pim.SourceBuiltin {
		p.leave(why(s), "%s", what)
	}
}

// emit makes a change with its one event.
func emit(e pim.Event, do func(*applying) error) func(*applying) error {
	return func(a *applying) error {
		a.tx.Emit(e)
		return do(a)
	}
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
