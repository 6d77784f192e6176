package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// drift is a world with a role on a group whose standing access was found.
type drift struct {
	*stinttest.World
	alice *stinttest.Person
	group connector.EntitlementID
	old   connector.AccountID // standing since before Stint
}

func newDrift(t *testing.T) *drift {
	t.Helper()
	w := stinttest.New(t)
	w.Person("carol")
	w.Administrator("carol")
	d := &drift{World: w, alice: w.Person("alice"), group: w.Role("dba", stinttest.Rules{NoPasskey: true}), old: w.Target.AddAccount("old")}
	w.Target.Put(d.old, d.group)
	d.scan(0)
	d.alice.SignIn()
	return d
}

// scan lets a whole interval pass and scans; unasked is how many targets could not be asked.
func (d *drift) scan(unasked int) {
	d.Helper()
	d.Advance(70 * time.Minute)
	n, err := d.Broker.ScanDue(d.Context())
	d.OK(err)
	if n != unasked {
		d.Errorf("%d targets could not be asked, want %d", n, unasked)
	}
	d.Tick()
}

// open lists what is open of a kind, by account.
func (d *drift) open(kind pim.IncidentKind) string {
	d.Helper()
	all := stinttest.Read(d.World, func(r *store.Reader) ([]pim.Incident, error) {
		return r.Incidents(stinttest.Directory, kind == pim.Standing, true, store.Keyset{}, 1000)
	})
	var out []string
	for _, i := range all {
		if i.Kind == kind {
			out = append(out, i.AccountID)
		}
	}
	return strings.Join(out, " ")
}

// closed tells how the last closed incident was closed.
func (d *drift) closed() string {
	d.Helper()
	all := stinttest.Read(d.World, func(r *store.Reader) ([]pim.Incident, error) {
		return r.Incidents(stinttest.Directory, false, false, store.Keyset{}, 1000)
	})
	var out []string
	for _, i := range all {
		out = append(out, string(i.Kind)+" "+string(i.How))
	}
	return strings.Join(out, ", ")
}

func (d *drift) notices(part string) (n int) {
	d.Helper()
	for _, notice := range stinttest.Read(d.World, func(r *store.Reader) ([]store.Notice, error) { return r.Notices("carol", store.Keyset{}, 1000) }) {
		if strings.Contains(notice.Text, part) {
			n++
		}
	}
	return n
}

func (d *drift) want(what, got, want string) {
	d.Helper()
	if got != want {
		d.Errorf("%s: %q, want %q", what, got, want)
	}
}

// authoritative sets the target so.
func (d *drift) authoritative() {
	d.Helper()
	d.Do(func(tx *store.Tx) error {
		t, err := tx.Target(stinttest.Directory)
		if err != nil {
			return err
		}
		t.Authoritative = true
		return tx.UpdateTarget(t)
	})
}

// A-16, DESIGN §3: what was there before is standing access, told once; what appears later is a stranger, told once for many,
// and never touched where the target is not authoritative.
func TestStrangersAreFoundAndLeft(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	d.want("standing", d.open(pim.Standing), string(d.old))
	d.want("strangers at the first scan", d.open(pim.Stranger), "")
	if n := d.notices("Standing access found at Directory: 1."); n != 1 {
		t.Errorf("%d notices of standing access", n)
	}
	var put []connector.AccountID
	for i := range 5 {
		put = append(put, d.Target.AddAccount(fmt.Sprint("stranger", i)))
		d.Target.Put(put[i], d.group)
	}
	d.scan(0)
	d.scan(0) // an incident is opened once
	if n := len(d.Events(pim.EvIncidentOpened)); n != 5 || d.notices("Held beside Stint at Directory, and new since the last scan: 5.") != 1 {
		t.Errorf("%d opened; notices %d", n, d.notices("Held beside"))
	}
	if !d.Target.Holds(put[0], d.group) || !d.Target.Holds(d.old, d.group) || len(d.Events(pim.EvGrantAdopted)) != 0 {
		t.Error("touched, although the target is not authoritative")
	}
	d.Target.Take(put[0], d.group)
	d.Target.Take(d.old, d.group)
	d.scan(0)
	d.want("closed", d.closed(), "stranger gone")
	d.want("standing, taken away", d.open(pim.Standing), "")
	d.Target.Put(d.old, d.group)
	d.scan(0)
	if !strings.Contains(d.open(pim.Stranger), string(d.old)) {
		t.Error("standing access that came back is no stranger")
	}
}

// THREATS T40: a list that breaks off, a target that is down and one that answers late close nothing and open nothing.
func TestBrokenListsAreNotBelieved(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	stranger := d.Target.AddAccount("stranger")
	d.Target.Put(stranger, d.group)
	for name, faults := range map[string]faketarget.Faults{"half": {HalfPages: true}, "down": {Down: true}, "denied": {Denied: true}} {
		d.Target.Misbehave(faults)
		d.scan(1)
		d.want(name+": strangers", d.open(pim.Stranger), "")
		d.want(name+": standing", d.open(pim.Standing), string(d.old))
	}
	d.Target.Misbehave(faketarget.Faults{})
	d.scan(0)
	d.want("healed", d.open(pim.Stranger), string(stranger))
	d.Target.Misbehave(faketarget.Faults{HalfPages: true})
	d.scan(1)
	d.want("half a page is not gone", d.closed(), "")
	d.Target.Misbehave(faketarget.Faults{ReadDelay: 2 * time.Hour})
	d.Target.Take(stranger, d.group)
	d.scan(0) // reads still show it
	d.want("late", d.open(pim.Stranger), string(stranger))
	d.Target.Misbehave(faketarget.Faults{})
	d.scan(0)
	d.want("gone", d.closed(), "stranger gone")
}

// What Stint gives, gave, or has only just taken away is no stranger, however late the list.
func TestWhatStintGivesIsNoStranger(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	id := d.alice.Activate(d.Eligible("alice", "dba", time.Time{}), "duration", "120", "justification", "Mend the index")
	d.Tick()
	d.Target.Misbehave(faketarget.Faults{ReadDelay: 30 * time.Second})
	d.scan(0)
	d.alice.SignIn()
	d.alice.Post("/activations/"+id+"/deactivate").Want(t, 303)
	d.Tick()
	d.Advance(31 * time.Second)
	if d.Target.Holds(d.alice.Account, d.group) {
		t.Fatal("not taken away")
	}
	d.Do(func(tx *store.Tx) error { return tx.AskScan(stinttest.Directory, "") })
	_, err := d.Broker.ScanDue(t.Context())
	d.OK(err)
	d.want("strangers", d.open(pim.Stranger), "")
	d.want("standing", d.open(pim.Standing), string(d.old))
}

// DESIGN §3: where the target is authoritative a stranger is taken over and away, through the guard, and read back; what
// was there before the first scan is left.
func TestAuthoritativeTargetTakesStrangersAway(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	d.authoritative()
	stranger := d.Target.AddAccount("stranger")
	d.Target.Put(stranger, d.group)
	d.scan(0)
	if d.Target.Holds(stranger, d.group) || !d.Target.Holds(d.old, d.group) {
		t.Errorf("stranger %v, standing %v", d.Target.Holds(stranger, d.group), d.Target.Holds(d.old, d.group))
	}
	d.want("closed", d.closed(), "stranger removed")
	if len(d.Events(pim.EvGrantAdopted)) != 1 || len(d.Events(pim.EvGrantGone)) != 1 {
		t.Errorf("adopted %d, confirmed gone %d", len(d.Events(pim.EvGrantAdopted)), len(d.Events(pim.EvGrantGone)))
	}
}

// T40: a group that Stint may not write any more is not cleaned by it, and a protected one never.
func TestAuthoritativeRespectsWhatMayBeWritten(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	d.authoritative()
	d.Do(func(tx *store.Tx) error {
		row, err := tx.Target(stinttest.Directory)
		if err != nil {
			return err
		}
		row.MayWrite, row.Settings = []string{"other"}, map[string]string{"name": row.Settings["name"]}
		return tx.UpdateTarget(row)
	})
	stranger := d.Target.AddAccount("stranger")
	d.Target.Put(stranger, d.group)
	d.scan(0)
	d.Target.Rename(d.group, "protected")
	d.scan(0)
	if !d.Target.Holds(stranger, d.group) || len(d.Events(pim.EvGrantAdopted)) != 0 {
		t.Error("taken away although Stint may not write it")
	}
	d.want("open", d.open(pim.Stranger), string(stranger))
}

// Asking for a role that somebody holds beside Stint already closes nothing, however early the scan comes.
func TestAskingForItIsNoExcuse(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	eligible := d.Eligible("alice", "dba", time.Time{})
	d.Target.Put(d.alice.Account, d.group)
	d.scan(0)
	d.want("stranger", d.open(pim.Stranger), string(d.alice.Account))
	d.alice.SignIn()
	d.alice.Activate(eligible)
	for range 2 { // before Stint looked at it, and after
		d.Do(func(tx *store.Tx) error { return tx.AskScan(stinttest.Directory, "") })
		_, err := d.Broker.ScanDue(t.Context())
		d.OK(err)
		d.want("still a stranger", d.open(pim.Stranger), string(d.alice.Account))
		d.Tick()
	}
}

// DESIGN §3: who was there before Stint looked is not taken away for being hidden from it for a while, whether the account
// is, the whole group is, or both were when Stint first looked.
func TestAuthoritativeLeavesWhatWasHidden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ begin, hide func(*drift) }{
		"account":          {func(*drift) {}, func(d *drift) { d.Target.Misbehave(faketarget.Faults{Hidden: d.old}) }},
		"account at first": {func(d *drift) { d.Target.Misbehave(faketarget.Faults{Hidden: d.old}); d.forgetScans() }, func(*drift) {}},
		"group":            {func(*drift) {}, func(d *drift) { d.Target.Misbehave(faketarget.Faults{NoGroup: d.group}) }},
		"group at first":   {func(d *drift) { d.Target.Misbehave(faketarget.Faults{NoGroup: d.group}); d.forgetScans() }, func(*drift) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrift(t)
			d.authoritative()
			c.begin(d)
			d.scan(0)
			c.hide(d)
			d.scan(0)
			d.scan(0)
			d.Target.Misbehave(faketarget.Faults{})
			d.scan(0)
			d.scan(0)
			if !d.Target.Holds(d.old, d.group) || len(d.Events(pim.EvGrantAdopted)) != 0 {
				t.Errorf("taken away what was there before: held %v, adopted %d", d.Target.Holds(d.old, d.group), len(d.Events(pim.EvGrantAdopted)))
			}
		})
	}
}

// forgetScans makes the next scan the first, without what an earlier one knew.
func (d *drift) forgetScans() {
	d.Helper()
	d.Do(func(tx *store.Tx) error {
		open, err := tx.OpenIncidents(stinttest.Directory, string(d.old), string(d.group))
		for _, i := range open {
			err = errors.Join(err, tx.CloseIncident(i.ID, pim.EndedGone))
		}
		return errors.Join(err, tx.ForgetScans())
	})
}

// DESIGN §3: what another hand took away is an incident until it is held again or would be over.
func TestLostHoldsAreIncidents(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	eligible := d.Eligible("alice", "dba", time.Time{})
	first := d.alice.Activate(eligible)
	d.Tick()
	d.Target.Take(d.alice.Account, d.group)
	d.Advance(10 * time.Minute)
	if a := d.Activation(first); a.State != pim.LostAtTarget {
		t.Fatalf("state %s", a.State)
	}
	d.want("lost", d.open(pim.LostHold), string(d.alice.Account))
	d.Activation(d.alice.Activate(eligible))
	d.Tick()
	d.want("held again", d.closed(), "lost returned")
	d.Target.Take(d.alice.Account, d.group)
	d.Advance(10 * time.Minute)
	d.want("lost anew", d.open(pim.LostHold), string(d.alice.Account))
	d.scan(0) // past the end of the window
	d.want("over", d.closed(), "lost unneeded, lost returned")
	if n := d.notices("Taken away at the target by another hand"); n != 2 {
		t.Errorf("%d notices", n)
	}
}

// Only a permanent active assignment is granted again, and only where the target is authoritative.
func TestPermanentAssignmentIsGrantedAgainWhereAuthoritative(t *testing.T) {
	t.Parallel()
	for _, authoritative := range []bool{false, true} {
		for _, permanent := range []bool{false, true} {
			t.Run(fmt.Sprintf("authoritative %v permanent %v", authoritative, permanent), func(t *testing.T) {
				d := newDrift(t)
				if authoritative {
					d.authoritative()
				}
				a := pim.Assignment{ID: "standing", PrincipalID: "alice", RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Active, Source: pim.SourceFile}
				if !permanent {
					a.EndsAt = d.Clock.Now().Add(24 * time.Hour)
				}
				d.Do(func(tx *store.Tx) error { a.StartsAt = tx.Now; return broker.InsertActive(tx, a) })
				d.Tick()
				d.Target.Take(d.alice.Account, d.group)
				d.Advance(10 * time.Minute)
				if got := d.Target.Holds(d.alice.Account, d.group); got != (authoritative && permanent) {
					t.Errorf("held %v", got)
				}
				if len(d.Events(pim.EvIncidentOpened)) != 1 || len(d.Events(pim.EvGrantLost)) != 1 {
					t.Errorf("opened %d, lost %d", len(d.Events(pim.EvIncidentOpened)), len(d.Events(pim.EvGrantLost)))
				}
				if authoritative && permanent {
					d.want("closed", d.closed(), "lost returned")
					return
				}
				d.want("open", d.open(pim.LostHold), string(d.alice.Account))
				if !permanent {
					return
				}
				d.Do(func(tx *store.Tx) error {
					a, err := tx.Assignment(a.ID)
					if err != nil {
						return err
					}
					return d.Broker.EndAssignment(tx, a)
				})
				d.want("nobody needs it any more", d.closed(), "lost unneeded")
			})
		}
	}
}

// What another hand took away and put back after the activation ended is a stranger, and lost no longer.
func TestLostHoldThatComesBack(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	d.alice.Activate(d.Eligible("alice", "dba", time.Time{}), "duration", "240", "justification", "Mend the index")
	d.Tick()
	d.Target.Take(d.alice.Account, d.group)
	d.Advance(10 * time.Minute)
	d.Target.Put(d.alice.Account, d.group)
	d.scan(0)
	d.want("closed", d.closed(), "lost returned")
	d.want("beside", d.open(pim.Stranger), string(d.alice.Account))
}

// An entitlement that no role means any more is not watched, and begins anew when one means it again.
func TestUnmanagedEntitlementsAreLeft(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	stranger := d.Target.AddAccount("stranger")
	d.Target.Put(stranger, d.group)
	d.scan(0)
	meaning := pim.Meaning{RoleID: "dba", ResourceID: stinttest.Production, Name: "dba", EntitlementID: string(d.group)}
	d.Do(func(tx *store.Tx) error { return tx.RemoveMeaning(meaning) })
	d.scan(0)
	d.want("closed", d.closed(), "stranger unmanaged")
	d.want("standing", d.open(pim.Standing), "")
	d.Do(func(tx *store.Tx) error { return tx.SaveMeaning(meaning) })
	d.scan(0)
	if got := d.open(pim.Standing); !strings.Contains(got, string(stranger)) || !strings.Contains(got, string(d.old)) {
		t.Errorf("standing when it is managed again: %q", got)
	}
}

// A scan is asked for by an administrator alone; asked twice it runs once.
func TestScanNow(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	if err := d.Broker.ScanNow(t.Context(), broker.Actor{PrincipalID: "alice"}, stinttest.Directory); pimKind(err) != pim.KindNotFound {
		t.Errorf("alice: %v", err)
	}
	carol := broker.Actor{PrincipalID: "carol"}
	if err := d.Broker.ScanNow(t.Context(), carol, pim.StintTarget); pimKind(err) != pim.KindForbidden {
		t.Errorf("Stint itself: %v", err)
	}
	if err := d.Broker.ScanNow(t.Context(), carol, "absent"); pimKind(err) != pim.KindNotFound {
		t.Errorf("an absent target: %v", err)
	}
	before := len(d.Target.Journal())
	d.OK(d.Broker.ScanNow(t.Context(), carol, stinttest.Directory))
	d.OK(d.Broker.ScanNow(t.Context(), carol, stinttest.Directory))
	for range 2 {
		_, err := d.Broker.ScanDue(t.Context())
		d.OK(err)
	}
	lists := 0
	for _, c := range d.Target.Journal()[before:] {
		if c.Op == "list" {
			lists++
		}
	}
	if lists != 1 || len(d.Events(pim.EvScanRequested)) != 1 || len(d.Events(pim.EvScanCompleted)) != 2 {
		t.Errorf("%d lists, %d asked, %d completed", lists, len(d.Events(pim.EvScanRequested)), len(d.Events(pim.EvScanCompleted)))
	}
}

func pimKind(err error) pim.RefusalKind {
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return refusal.Kind
	}
	return ""
}

// DESIGN §3: what appeared beside Stint since the last whole list is no standing access, whether or not its person came to
// activate before the next one and Stint found it held before.
func TestStrangerWhoActivatesBeforeTheNextScan(t *testing.T) {
	t.Parallel()
	for _, authoritative := range []bool{false, true} {
		t.Run(fmt.Sprint("authoritative ", authoritative), func(t *testing.T) {
			t.Parallel()
			d := newDrift(t)
			if authoritative {
				d.authoritative()
			}
			d.Target.Put(d.alice.Account, d.group)
			d.alice.Activate(d.Eligible("alice", "dba", time.Time{}), "duration", "120", "justification", "Mend the index")
			d.Tick()
			d.scan(0)
			d.want("standing", d.open(pim.Standing), string(d.old))
			d.want("strangers", d.open(pim.Stranger), string(d.alice.Account))
			if len(d.Events(pim.EvIncidentOpened)) != 1 || d.notices("Held beside Stint at Directory, and new since the last scan: 1.") != 1 {
				t.Errorf("opened %d, notices %d", len(d.Events(pim.EvIncidentOpened)), d.notices("Held beside Stint"))
			}
			if !d.Target.Holds(d.alice.Account, d.group) {
				t.Error("taken away while her activation needs it")
			}
			d.scan(0) // her activation is over
			if held := d.Target.Holds(d.alice.Account, d.group); held == authoritative {
				t.Errorf("held at the end: %v", held)
			}
			if !d.Target.Holds(d.old, d.group) {
				t.Error("standing access was taken away")
			}
		})
	}
}
