package pim

import (
	"testing"
	"time"
)

// EC-02.
func TestCheckAssignment(t *testing.T) {
	for _, c := range []struct {
		name  string
		a     Assignment
		field string
	}{
		{"permanent eligible", Assignment{Kind: Eligible, StartsAt: t0}, ""},
		{"permanent active", Assignment{Kind: Active, StartsAt: t0}, ""},
		{"time-bound", Assignment{Kind: Eligible, StartsAt: t0, EndsAt: t0.Add(h)}, ""},
		{"A-05 five minutes", Assignment{Kind: Eligible, StartsAt: t0, EndsAt: t0.Add(5 * time.Minute)}, ""},
		{"EC-02 4:59", Assignment{Kind: Eligible, StartsAt: t0, EndsAt: t0.Add(4*time.Minute + 59*time.Second)}, "until"},
		{"ends as it starts", Assignment{Kind: Active, StartsAt: t0, EndsAt: t0}, "until"},
		{"ends before it starts", Assignment{Kind: Active, StartsAt: t0, EndsAt: t0.Add(-h)}, "until"},
		{"no kind", Assignment{StartsAt: t0}, "kind"},
		{"another kind", Assignment{Kind: "standing", StartsAt: t0}, "kind"},
	} {
		got := ""
		if r := CheckAssignment(c.a); r != nil {
			got = r.Field
		}
		if got != c.field {
			t.Errorf("%s: %q, want %q", c.name, got, c.field)
		}
	}
}

func TestInForceAt(t *testing.T) {
	a := Assignment{StartsAt: t0, EndsAt: t0.Add(h)}
	removed := a
	removed.EndedAt = t0.Add(time.Minute)
	for _, c := range []struct {
		name string
		a    Assignment
		at   time.Duration
		want bool
	}{
		{"not begun", a, -1, false},
		{"begins", a, 0, true},
		{"just before the end", a, h - 1, true},
		{"at the end", a, h, false},
		{"permanent", Assignment{StartsAt: t0}, 1e4 * h, true},
		{"removed", removed, 2 * time.Minute, false},
	} {
		if got := c.a.InForceAt(t0.Add(c.at)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// T22: ids are opaque and never compared by prefix; a path knows its own nodes alone.
func TestPath(t *testing.T) {
	p := Path{{ID: "ops", Name: "Org"}, {ID: "ops-2", TargetID: "dir", Name: "Directory"}, {ID: "ops-2-3", Name: "Team"}}
	for _, id := range []string{"ops", "ops-2", "ops-2-3"} {
		if !p.Contains(id) {
			t.Errorf("%s is on the path", id)
		}
	}
	for _, id := range []string{"", "op", "ops-", "ops-2-", "OPS", "оps"} {
		if p.Contains(id) {
			t.Errorf("%q is not on the path", id)
		}
	}
	if p.Leaf().ID != "ops-2-3" || p.TargetID() != "dir" || len(p.Names()) != 3 {
		t.Errorf("leaf %v, target %q", p.Leaf(), p.TargetID())
	}
	if (Path{}).Leaf() != (Resource{}) || (Path{}).TargetID() != "" || p[:1].TargetID() != "" {
		t.Error("an empty path has nothing")
	}
	own := append(p[:2:2], Resource{ID: "x", TargetID: "own"})
	if own.TargetID() != "own" {
		t.Error("the nearest target wins")
	}
}
