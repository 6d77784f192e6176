package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

const (
	syncRunsShown    = 10
	syncChangesShown = 50
)

func syncsIn(r *store.Reader, q *request) (v views.SyncsView, err error) {
	v.CanManage = q.powers.Administrator
	all, err := r.Syncs()
	if err != nil {
		return v, err
	}
	followed := map[string]store.Sync{}
	for _, s := range all {
		followed[s.TargetID] = s
	}
	targets, err := r.Targets()
	if err != nil {
		return v, err
	}
	for _, t := range targets {
		s, ok := followed[t.ID]
		if !ok {
			if slices.Contains(broker.SyncKinds(), t.Kind) {
				v.Others = append(v.Others, views.Option{Value: t.ID, Label: t.Name})
			}
			continue
		}
		row := views.SyncRow{ID: t.ID, Name: t.Name, State: "Not run yet", Next: s.DueAt}
		runs, err := r.SyncRuns(t.ID, 1)
		if err != nil {
			return v, err
		}
		if len(runs) > 0 {
			row.Tone, row.State = syncTone(runs[0])
			row.Last = runs[0].BegunAt
		}
		v.Rows = append(v.Rows, row)
	}
	return v, nil
}

func syncTone(v store.SyncRun) (views.Tone, string) {
	switch v.State {
	case pim.SyncRunning:
		return views.Info, "Running"
	case pim.SyncStopped:
		return views.Bad, "Stopped"
	case pim.SyncFailed:
		return views.Bad, "Failed"
	}
	if v.Message != "" {
		return views.Warn, "Done, look at this"
	}
	return views.OK, "Done"
}

func syncIn(r *store.Reader, q *request, typed *typedSync) (v views.SyncView, err error) {
	t, err := r.Target(q.Param("id"))
	if err != nil {
		return v, err
	}
	if !slices.Contains(broker.SyncKinds(), t.Kind) {
		return v, pim.NotFound()
	}
	v.ID, v.Name, v.CanManage = t.ID, t.Name, q.powers.Administrator
	settings := pim.SyncDefaults(t.Settings["flavour"] == "ad")
	all, err := r.Syncs()
	if err != nil {
		return v, err
	}
	for _, s := range all {
		if s.TargetID == t.ID {
			settings = s.Settings
			if err := followedIn(r, s, &v); err != nil {
				return v, err
			}
		}
	}
	if !v.CanManage {
		return v, nil
	}
	form := typed
	if form == nil {
		form = &typedSync{settings: settings, every: strconv.Itoa(settings.EveryHours), share: strconv.Itoa(settings.MaxShare)}
		if form.groups, err = groupLines(r, settings.Groups); err != nil {
			return v, err
		}
	}
	v.Fields, v.Groups = syncFields(*form), form.groups
	return v, nil
}

func followedIn(r *store.Reader, s store.Sync, v *views.SyncView) error {
	v.Version, v.Previewed, v.Running, v.Asked = strconv.FormatInt(s.Version, 10), s.Previewed, s.LeaseUntil.After(r.Now), s.Asked != ""
	v.Done, v.Total, v.Next = s.Done, s.Total, s.DueAt
	if v.Running {
		v.Phase = s.Phase
	}
	runs, err := r.SyncRuns(s.TargetID, syncRunsShown)
	if err != nil {
		return err
	}
	for _, run := range runs {
		v.Runs = append(v.Runs, syncRunRow(run))
	}
	if len(runs) > 0 && runs[0].State == pim.SyncStopped && !runs[0].Preview && runs[0].Counts.Read > 0 {
		v.Confirm, v.Losing = runs[0].ID, runs[0].Counts.Losing()
	}
	return nil
}

func syncRunRow(run store.SyncRun) views.SyncRunRow {
	row := views.SyncRunRow{ID: run.ID, Kind: "Run", At: run.BegunAt, Took: run.EndedAt.Sub(run.BegunAt), Message: run.Message, Found: foundWords(run.Counts)}
	if run.Preview {
		row.Kind = "Preview"
	}
	row.Tone, row.State = syncTone(run)
	return row
}

func foundWords(c pim.SyncCounts) string {
	parts := []string{views.Plural(c.Read, "entry", "entries") + " read"}
	for _, p := range []struct {
		n     int
		words string
	}{{c.Added, "added"}, {c.Changed, "changed"}, {c.Disabled, "disabled in the directory"}, {c.Missing, "gone from it"}, {c.Enabled, "enabled again"}, {c.Kept, "kept, for they are needed"},
		{c.Skipped, "not usable"}, {c.Joined, "joined a group"}, {c.Left, "left a group"}} {
		if p.n > 0 {
			parts = append(parts, views.Count(int64(p.n))+" "+p.words)
		}
	}
	if len(parts) == 1 {
		parts = append(parts, "nothing differs")
	}
	return strings.Join(parts, ", ") + "."
}

func groupLines(r *store.Reader, groups []pim.SyncGroup) (string, error) {
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.GroupID)
	}
	names, err := r.Names(ids)
	var lines []string
	for _, g := range groups {
		lines = append(lines, names[g.GroupID]+" = "+g.Directory)
	}
	return strings.Join(lines, "\n"), err
}

func syncFields(t typedSync) []views.SyncField {
	s := t.settings
	return []views.SyncField{
		{Name: "base", Label: "Base", Value: s.Base, Help: "Where people are, such as ou=people,dc=example,dc=org. Left empty: the target’s base."},
		{Name: "filter", Label: "Filter", Value: s.Filter, Help: "Who is meant. Whoever leaves it is gone, and is disabled."},
		{Name: "match", Label: "Recognised by", Value: s.Match, Help: "The attribute that says who somebody is at sign-in. People must not be able to edit it in the directory."},
		{Name: "claim", Label: "Claim", Value: s.Claim, Help: "The claim of the provider that has the same value; one of oidc_binding_claims. Or leave it empty and give the issuer."},
		{Name: "issuer", Label: "Issuer", Value: s.Issuer, Help: "Where the attribute is the subject, the provider’s issuer. It also finds people who have signed in already."},
		{Name: "name", Label: "Name", Value: s.Name, Help: "Of several attributes with commas between, the first with a value counts."},
		{Name: "email", Label: "E-mail", Value: s.Email, Help: "An attribute, or empty."},
		{Name: "department", Label: "Department", Value: s.Department, Help: "An attribute, or empty."},
		{Name: "title", Label: "Job title", Value: s.Title, Help: "An attribute, or empty."},
		{Name: "manager", Label: "Manager", Value: s.Manager, Help: "The attribute that names the manager’s entry."},
		{Name: "disabled", Label: "Disabled", Value: s.Disabled, Help: "The attribute that tells who is disabled."},
		{Name: "disabled_when", Label: "Disabled when", Value: s.DisabledWhen, Help: "bit 2 for userAccountControl; otherwise values with commas between, * for any."},
		{Name: "guest", Label: "Guest", Value: s.Guest, Help: "The attribute that tells who is of another organisation, or empty."},
		{Name: "guest_when", Label: "Guest when", Value: s.GuestWhen, Help: "As for Disabled when."},
		{Name: "every", Label: "Every so many hours", Value: t.every, Help: "0: on demand only."},
		{Name: "share", Label: "Stop above", Value: t.share, Help: "Percent of the people known. When more would be disabled in one run, nothing is changed and administrators are told; three may always go."},
	}
}

var syncKindWords = map[string]struct {
	tone  views.Tone
	words string
}{"added": {views.OK, "Added"}, "changed": {views.Info, "Changed"}, "disabled": {views.Bad, "Disabled"}, "missing": {views.Bad, "Gone"}, "enabled": {views.OK, "Enabled"},
	"kept": {views.Warn, "Kept"}, "skipped": {views.Warn, "Not usable"}, "joined": {views.OK, "Joined"}, "left": {views.Info, "Left"}}

func syncRunIn(r *store.Reader, q *request) (v views.SyncRunView, err error) {
	t, err := r.Target(q.Param("id"))
	if err != nil {
		return v, err
	}
	run, err := r.SyncRun(q.Param("run"))
	if err == nil && run.TargetID != t.ID {
		err = store.ErrNotFound
	}
	if err != nil {
		return v, err
	}
	v.ID, v.Name, v.Run = t.ID, t.Name, syncRunRow(run)
	kind, path := q.QueryParam("kind"), "/sync/"+t.ID+"/runs/"+run.ID
	v.Kinds = []views.Segment{{Text: "All", Href: path, Count: -1, Current: kind == ""}}
	c := run.Counts
	for _, k := range []struct {
		name string
		n    int
	}{{"added", c.Added}, {"changed", c.Changed}, {"disabled", c.Disabled}, {"missing", c.Missing}, {"enabled", c.Enabled}, {"kept", c.Kept}, {"skipped", c.Skipped}, {"joined", c.Joined}, {"left", c.Left}} {
		if k.n > 0 {
			v.Kinds = append(v.Kinds, views.Segment{Text: syncKindWords[k.name].words, Href: path + "?kind=" + k.name, Count: k.n, Current: kind == k.name})
		}
	}
	after, _ := strconv.Atoi(q.QueryParam("after"))
	rows, last, err := r.SyncChanges(run.ID, clip(kind, 20), max(after, 0), syncChangesShown)
	for _, c := range rows {
		row := views.SyncChangeRow{Tone: syncKindWords[c.Kind].tone, Kind: syncKindWords[c.Kind].words, Name: cmp.Or(c.Name, c.Place), Place: c.Place, Words: c.Words}
		if c.Name == "" {
			row.Place = ""
		}
		if c.PrincipalID != "" {
			row.Href = "/people/" + c.PrincipalID
		}
		v.Rows = append(v.Rows, row)
	}
	if v.Pager.Forward = true; len(rows) == syncChangesShown {
		v.Pager.Older = path + "?kind=" + clip(kind, 20) + "&after=" + strconv.Itoa(last)
	}
	return v, err
}
