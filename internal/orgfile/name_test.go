package orgfile

import "testing"

// T22: what is shown is what it seems.
func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{"  Ops  team ": "Ops team", "Zoe\u0308": "Zoë", "оps": "", "ops\x00": "", "a\u202eb": "", "": "", " ": "", "/": "", "ops/": "ops/"} {
		clean, problem := CleanName(in)
		if want == "" && problem == "" || want != "" && (clean != want || problem != "") {
			t.Errorf("%q: %q, %q; want %q", in, clean, problem, want)
		}
	}
}

// T22: ops, ops/, OPS and the Cyrillic орѕ are taken for each other; ops-2 is another one.
func TestLookAlike(t *testing.T) {
	for _, twin := range []string{"OPS", "ops/", "o p s", "орѕ", "0ps", "öps"} {
		if !LookAlike("ops", twin) {
			t.Errorf("ops and %q are not taken for each other", twin)
		}
	}
	for _, other := range []string{"ops-2", "opts", "op", "dev"} {
		if LookAlike("ops", other) {
			t.Errorf("ops and %q are taken for each other", other)
		}
	}
}
