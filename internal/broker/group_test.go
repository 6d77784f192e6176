package broker_test

import (
	"errors"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
)

// T22: a group whose name can be taken for another's is refused, as a target's and a resource's is.
func TestNoGroupLooksLikeAnother(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops")
	d.group("Über")
	for _, name := range []string{"оps", "ops\u200b", "über"} { // Cyrillic о; a space without width; SQLite folds ASCII alone
		out, err := d.b.NewGroup(d.ctx, d.as("carol"), broker.GroupForm{Name: name})
		var refusal *pim.Refusal
		if err = d.confirmed("carol", out, err); !errors.As(err, &refusal) || refusal.Kind != pim.KindInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
