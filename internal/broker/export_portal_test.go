package broker_test

import (
	"errors"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// What was made in the portal is shown by an export, by the ids under which a file takes it over; the plan says so, and what
// it overwrites. Nothing is taken over because it is called alike (K-20). What owners may hand out goes with its resource
// (K-33).
func TestPortalMadeIsTakenOverByItsID(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(base)
	id := func(ref, kind string) (out string) {
		for _, r := range read(o, func(r *store.Reader) ([]pim.Resource, error) { return r.Resources() }) {
			if kind == "resource" && r.Key == ref {
				out = r.ID
			}
		}
		for _, d := range read(o, func(r *store.Reader) ([]pim.RoleDefinition, error) { return r.Roles() }) {
			if kind == "role" && d.Key == ref {
				out = d.ID
			}
		}
		return out
	}
	db, backup := id("db", "resource"), id("backup", "role")
	o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertResource(pim.Resource{ID: "wikinode", ParentID: db, Kind: "group", Name: "Wiki", Source: pim.SourceBrowser}),
			tx.InsertRole(pim.RoleDefinition{ID: "wikirole", Name: "Owner of wiki", Privileged: true, Source: pim.SourceBrowser}),
			tx.SaveMeaning(pim.Meaning{RoleID: "wikirole", ResourceID: "wikinode", Name: "cn=wiki", Relation: pim.Owner}),
			tx.SaveHandOut(pim.HandOut{ResourceID: db, Roles: []string{backup}}),
			tx.SaveHandOut(pim.HandOut{ResourceID: "wikinode", Roles: []string{"wikirole"}}))
	}))
	export := func() (doc, others string) {
		text, err := broker.Export(o.ctx, o.b.Store())
		o.ok(err)
		if again := o.apply(string(text)); len(again.Changes) > 0 {
			t.Errorf("the export changes something:\n%s", lines(again.Changes))
		}
		doc, others, _ = strings.Cut(string(text), "# Not owned")
		return doc, others
	}
	doc, others := export()
	if !strings.Contains(doc, "owners_hand_out: [backup]") || strings.Contains(doc, "wiki") {
		t.Errorf("exported:\n%s", doc)
	}
	node := "{id: wikinode, kind: group, name: Wiki, parent: db, owners_hand_out: [wikirole]}"
	for _, want := range []string{"# resources: - " + node, `# roles: - {id: wikirole, name: Owner of wiki, privileged: true, means: [{resource: wikinode, entitlement: "cn=wiki", relation: owner}]}`} {
		if !strings.Contains(others, want) {
			t.Errorf("no %s in\n%s", want, others)
		}
	}

	alike := replace(base, "  - {id: db,", "  - {id: wiki, kind: group, name: Wiki, parent: org}\n  - {id: db,")
	if done := o.apply(alike); !strings.Contains(lines(done.Changes), `+ resource/wiki (group) "Wiki"`) {
		t.Errorf("taken over by its name:\n%s", lines(done.Changes))
	}
	o.apply(base)

	taken := replace(base, "{id: db, kind: database, name: Database, parent: org}", "{id: db, kind: database, name: Database, parent: org, owners_hand_out: [wikirole, backup]}\n  - "+strings.Replace(node, "Wiki", "Knowledge", 1),
		"people:\n", "  - {id: wikirole, name: Owner of wiki, privileged: false, means: [{resource: wikinode, entitlement: \"cn=wiki\"}]}\npeople:\n")
	done := lines(o.apply(taken).Changes)
	for _, want := range []string{`~ resource/wikinode: name "Wiki" → "Knowledge", now owned by the file (made in the portal)`,
		`~ role/wikirole: privileged true → false, now owned by the file`, `+ meaning of role/wikirole at resource/wikinode: "cn=wiki"`,
		`- meaning of role/wikirole at resource/wikinode: "owner of cn=wiki"`, `~ owners of resource/db may hand out [role/backup, role/wikirole] (was [role/backup])`} {
		if !strings.Contains(done, want) {
			t.Errorf("the plan does not say %q:\n%s", want, done)
		}
	}
	if again := o.apply(taken); len(again.Changes) > 0 {
		t.Errorf("a second time:\n%s", lines(again.Changes))
	}
	if doc, _ = export(); !strings.Contains(doc, "id: wikirole") || !strings.Contains(doc, "id: wikinode") {
		t.Errorf("not owned by the file:\n%s", doc)
	}
	if gone := lines(o.apply(base).Changes); !strings.Contains(gone, "- role/wikirole") || !strings.Contains(gone, "- resource/wikinode") {
		t.Errorf("left the file:\n%s", gone)
	}
}
