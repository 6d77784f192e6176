package broker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// T10: an account that a file names is not taken over where it turns out to be another's: it is said once, to every
// administrator, nothing is granted by it, and it is found as soon as the other one lets go of it.
func TestTheAccountOfAnotherIsNotTakenOver(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]pim.Principal{
		"somebody's":   {ID: "mallory", Kind: pim.Person, PersonID: "mallory", Name: "Mallory", Enabled: true, Source: pim.SourceSignIn},
		"a workload's": {ID: "robot", Kind: pim.Workload, Name: "Robot", Enabled: true, Source: pim.SourceBrowser},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			admins := base + "  - {principal: person/carol, role: privileged-role-administrator, resource: stint, kind: eligible}\n"
			o.apply(replace(admins, "accounts:\n  - {person: alice, target: dir, account: alice}\n  - {person: bob, target: dir, account: bob}\n", ""))
			o.tick()
			targets := read(o, (*store.Reader).Targets)
			dir := targets[slices.IndexFunc(targets, func(t store.TargetRow) bool { return t.Key == "dir" })].ID
			o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error {
				if err := tx.InsertPrincipal(own); err != nil {
					return err
				}
				return tx.InsertAccount(pim.Account{ID: "first", PrincipalID: own.ID, TargetID: dir, Name: "svc", ExternalID: "id:bob", ConfirmedAt: tx.Now,
					ConfirmedBy: "somebody", Source: pim.SourceBrowser})
			}))
			doc := o.parse(admins)
			opts := plain
			opts.Wait = time.Minute
			done, err := o.b.Apply(o.ctx, doc, opts)
			o.ok(err)
			if len(done.Missing) != 1 || !strings.Contains(done.Missing[0].Why, "somebody else") {
				t.Errorf("missing: %+v", done.Missing)
			}
			for range 3 {
				o.clock.add(2 * time.Minute)
				o.tick()
			}
			if o.held("bob", "cn=backup") {
				t.Error("the role is given to another's account")
			}
			if n := len(o.entries(store.EntryFilter{Type: string(pim.EvAccountRefused)})); n != 1 {
				t.Errorf("%d events", n)
			}
			carol := o.who("person/carol")
			told := read(o, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(carol, store.Keyset{}, 10) })
			told = slices.DeleteFunc(told, func(n store.Notice) bool {
				return !strings.Contains(n.Text, "Bob Okafor is not bob at a target: that is the account of "+own.Name)
			})
			if len(told) != 1 {
				t.Errorf("told %+v", told)
			}
			o.ok(store.Do(o.ctx, o.b.Store(), func(tx *store.Tx) error { return tx.RemoveAccount("first") }))
			for range 3 {
				o.clock.add(2 * time.Minute)
				o.tick()
			}
			if !o.held("bob", "cn=backup") {
				t.Error("it is free, and not found")
			}
		})
	}
}

// The file is refused where it names one account for a workload and for somebody else.
func TestAWorkloadOfTheFileSharesWithNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text := replace(base, "accounts:\n", "workloads:\n  - {id: robot, name: Robot, owner: person/alice}\naccounts:\n  - {workload: robot, target: dir, account: bob}\n")
	_, err := orgfile.Parse("org.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "shares its account with nobody") {
		t.Errorf("the file is %v", err)
	}
	o.apply(replace(text, "{workload: robot, target: dir, account: bob}", "{workload: robot, target: dir, account: robot}"))
}
