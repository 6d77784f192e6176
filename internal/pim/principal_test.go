package pim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// chain is g0 > g1 > … of so many groups.
func chain(depth int) map[string][]string {
	edges := map[string][]string{}
	for i := range depth - 1 {
		edges[fmt.Sprint("g", i)] = []string{fmt.Sprint("g", i+1)}
	}
	edges[fmt.Sprint("g", depth-1)] = nil
	return edges
}

// T22: cycles and depth.
func TestCheckNesting(t *testing.T) {
	for _, c := range []struct {
		name  string
		edges map[string][]string
		path  []string // nil: allowed
		says  string
	}{
		{"no groups", nil, nil, ""},
		{"one group", map[string][]string{"ops": nil}, nil, ""},
		{"one in another", map[string][]string{"all": {"ops"}}, nil, ""},
		{"depth 10", chain(10), nil, ""},
		{"depth 11", chain(11), []string{"g0"}, "11 deep"},
		{"in itself", map[string][]string{"ops": {"ops"}}, []string{"ops", "ops"}, "ops > ops"},
		{"cycle of 2", map[string][]string{"a": {"b"}, "b": {"a"}}, []string{"a", "b", "a"}, "a > b > a"},
		{"cycle of 3", map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}, []string{"a", "b", "c", "a"}, "a > b > c > a"},
		{"cycle below", map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}, []string{"a", "b", "c", "b"}, "b > c > b"},
		{"two ways to one group are no cycle", map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}, nil, ""},
		{"the deeper of two ways counts", deeperOfTwo("g10", "g1"), []string{"g0"}, "11 deep"},
		{"the deeper of two ways counts, in any order", deeperOfTwo("g1", "g10"), []string{"g0"}, "11 deep"},
		{"T22 names that begin alike are different groups", map[string][]string{"ops": {"ops-2"}, "ops-2": {"ops/"}, "ops/": {"ops%"}, "ops%": {"OPS"}, "OPS": {"ops\x00"}}, nil, ""},
		{"T22 Cyrillic ops is not Latin ops", map[string][]string{"ops": {"оps"}, "оps": nil}, nil, ""},
		{"T22 a cycle through look-alikes is one only by id", map[string][]string{"ops": {"оps"}, "оps": {"ops"}}, []string{"ops", "оps", "ops"}, "ops > оps > ops"},
	} {
		path, err := CheckNesting(c.edges)
		if (err != nil) != (c.path != nil) || !slices.Equal(path, c.path) {
			t.Errorf("%s: %v, %v", c.name, path, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func deeperOfTwo(ways ...string) map[string][]string {
	edges := chain(11)
	edges["g0"] = ways
	return edges
}

// T22: a huge nest of many ways is answered at once, not once a way.
func TestCheckNestingManyWays(t *testing.T) {
	edges := map[string][]string{}
	for level := range 9 {
		for i := range 20 {
			for j := range 20 {
				key := fmt.Sprintf("%d-%d", level, i)
				edges[key] = append(edges[key], fmt.Sprintf("%d-%d", level+1, j))
			}
		}
	}
	if path, err := CheckNesting(edges); err != nil {
		t.Fatal(path, err) // 20^9 ways of depth 10
	}
}

// What passes has no cycle and no way longer than the limit; what is refused really has one.
func TestCheckNestingProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges := map[string][]string{}
		n := rapid.IntRange(1, 14).Draw(rt, "groups")
		for range rapid.IntRange(0, 20).Draw(rt, "edges") {
			a, b := rapid.IntRange(0, n-1).Draw(rt, "outer"), rapid.IntRange(0, n-1).Draw(rt, "inner")
			edges[fmt.Sprint("g", a)] = append(edges[fmt.Sprint("g", a)], fmt.Sprint("g", b))
		}
		_, err := CheckNesting(edges)
		if deep := longest(edges, n+1); (err != nil) != (deep > MaxGroupDepth) {
			rt.Fatalf("longest way %d: %v", deep, err)
		}
	})
}

// longest is the length of the longest way through at most so many groups, by relaxation; a cycle makes
// it endless, which is more than any limit.
func longest(edges map[string][]string, rounds int) int {
	far := map[string]int{}
	best := 0
	for round := range rounds {
		for a, list := range edges {
			for _, b := range list {
				if far[a] < far[b]+1 {
					far[a] = far[b] + 1
					if round == rounds-1 {
						return 1 << 30 // still growing: a cycle
					}
				}
			}
		}
	}
	for _, d := range far {
		best = max(best, d+1)
	}
	return best
}

// Invariant 5: persons are compared; without a person id nobody is the same as anybody.
func TestSamePerson(t *testing.T) {
	if !(Principal{PersonID: "human-1"}).Same("human-1") || (Principal{PersonID: "human-1"}).Same("human-2") {
		t.Error("compares person ids")
	}
	if (Principal{}).Same("") {
		t.Error("two unknown persons are not the same")
	}
}
