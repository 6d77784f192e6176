package pim

import (
	"slices"
	"testing"
)

// T22: below itself, too deep, at Stint's own resource.
func TestCheckPlace(t *testing.T) {
	path := func(ids ...string) (p Path) {
		for _, id := range ids {
			p = append(p, Resource{ID: id, Name: id})
		}
		return p
	}
	nine := path("1", "2", "3", "4", "5", "6", "7", "8", "9")
	for name, c := range map[string]struct {
		id     string
		above  Path
		levels int
		ok     bool
	}{
		"at the top":                   {"a", nil, 10, true},
		"a tree of eleven at the top":  {"a", nil, 11, false},
		"below another":                {"a", path("b"), 1, true},
		"below itself":                 {"a", path("a"), 1, false},
		"below what is below it":       {"a", path("r", "a", "c"), 1, false},
		"the tenth level":              {"a", nine, 1, true},
		"two levels below the ninth":   {"a", nine, 2, false},
		"below Stint":                  {"a", path(StintResource), 1, false},
		"Stint itself":                 {StintResource, path("b"), 1, false},
		"ids are not prefixes (ops-2)": {"ops", path("ops-2"), 1, true},
	} {
		refusal := CheckPlace(c.id, c.above, c.levels)
		if (refusal == nil) != c.ok || refusal != nil && refusal.Field != "parent" {
			t.Errorf("%s: %v", name, refusal)
		}
	}
}

func TestKindsBelow(t *testing.T) {
	for above, want := range map[string]string{"organisation": "directory", "management-group": "subscription", "subscription": "resource-group",
		"resource-group": "resource", "cluster": "namespace", "server": "database", "directory": "group", "": "organisation"} {
		usual, other := KindsBelow(above)
		if len(usual) == 0 || usual[0].Kind != want {
			t.Errorf("below %q: %v, want %s first", above, usual, want)
		}
		if len(usual)+len(other) != len(ResourceKinds) {
			t.Errorf("below %q %d and %d kinds are offered, want all %d", above, len(usual), len(other), len(ResourceKinds))
		}
	}
	if usual, other := KindsBelow("mainframe"); len(usual) != 0 || len(other) != len(ResourceKinds) {
		t.Errorf("below a kind that only a file knows: %v, %d others", usual, len(other))
	}
	if KindName("resource-group") != "Resource group" || KindName("job-queue") != "Job queue" || KindName("") != "" {
		t.Error("kinds in words")
	}
}

func TestAncestors(t *testing.T) {
	from, to := Path{{ID: "org"}, {ID: "a"}, {ID: "b"}}, Path{{ID: "org"}, {ID: "c"}}
	if got := from.Ancestors(to); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("left: %v", got)
	}
	if got := to.Ancestors(from); !slices.Equal(got, []string{"c"}) {
		t.Errorf("come: %v", got)
	}
}
