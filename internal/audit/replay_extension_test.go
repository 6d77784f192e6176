package audit

import (
	"strings"
	"testing"
)

// T15, invariant 5: an end moves only by an extension that was asked for, approved where its rules asked for that
// by somebody else, and within its limit.
func TestStoriesOfExtensions(t *testing.T) {
	type step struct {
		e  ev
		id string
	}
	ask := func(approval string) step { return step{ev{"extension.requested", "asker", verdicts(approval)}, "x"} }
	of := func(kind, actor string) step { return step{ev{"extension." + kind, actor, nil}, "x"} }
	moves := func(id string, from, end, by int64) step {
		return step{ev{"activation.extended", "asker", map[string]any{"extension": id, "from_end": from, "ends_at": end, "ends_by": by}}, "act-1"}
	}
	extended := moves("x", 10, 20, 30)
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"without approval":       {[]step{ask("pass"), extended}, ""},
		"approved":               {[]step{ask("todo"), of("approved", "boss"), extended}, ""},
		"denied":                 {[]step{ask("todo"), of("denied", "boss")}, ""},
		"canceled, then another": {[]step{ask("todo"), of("canceled", "asker"), ask("pass"), extended}, ""},
		"timed out":              {[]step{ask("todo"), of("timed_out", "")}, ""},
		"over with it":           {[]step{ask("todo"), of("ended_with_activation", ""), {ended, "act-1"}}, ""},
		"with its sign-in":       {[]step{{ev{"extension.requested", "asker", proved("mfa", "p1", "card", "mfa")}, "x"}, extended}, ""},
		"without its sign-in":    {[]step{{ev{"extension.requested", "asker", proved("", "", "card", "mfa")}, "x"}, extended}, "without the sign-in"},
		"up to the limit":        {[]step{ask("pass"), moves("x", 10, 30, 30)}, ""},

		"not asked for":        {[]step{extended}, "without an extension"},
		"twice by one":         {[]step{ask("pass"), extended, extended}, "without an extension"},
		"not approved":         {[]step{ask("todo"), extended}, "without an extension"},
		"by another extension": {[]step{ask("pass"), moves("y", 10, 20, 30)}, "without an extension"},
		"by themselves":        {[]step{ask("todo"), of("approved", "asker")}, "the one who asked"},
		"denied, then moved":   {[]step{ask("todo"), of("denied", "boss"), extended}, "without an extension"},
		"beyond the limit":     {[]step{ask("pass"), moves("x", 10, 31, 30)}, "within its limits"},
		"backwards":            {[]step{ask("pass"), moves("x", 10, 10, 30)}, "within its limits"},
		"two at once":          {[]step{ask("todo"), ask("todo")}, "another extension"},
		"approved from air":    {[]step{of("approved", "boss")}, "no such extension"},
		"revived":              {[]step{ask("pass"), {ended, "act-1"}, extended}, "which is ending"},
		"asked after the end":  {[]step{{ended, "act-1"}, ask("pass")}, "which is ending"},
	} {
		t.Run(name, func(t *testing.T) {
			s, first := NewStories(), ""
			for i, st := range append([]step{{requested, "act-1"}, {provisioning, "act-1"}, {confirmed, "act-1"}}, c.steps...) {
				e := st.e.entry(int64(i))
				e.ObjectID = st.id
				if err := s.Replay(e); err != nil && first == "" {
					first = err.Error()
				}
			}
			if (c.want == "") != (first == "") || !strings.Contains(first, c.want) {
				t.Errorf("got error %q, want %q", first, c.want)
			}
		})
	}
}
