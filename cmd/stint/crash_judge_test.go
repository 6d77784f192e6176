//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// holding is a membership at the target: who is in which group.
type holding struct{ person, group string }

// records is what Stint's database says after the run.
type records struct {
	activations map[string]pim.Activation
	wanted      map[holding][]span // windows in which some activation needed the membership, by their begin
	entries     map[string]int     // activation id -> entries "activation.requested"
}

func (c *crash) records() records {
	c.Helper()
	return inDatabase(c.host, func(r *store.Reader) (records, error) {
		out := records{activations: map[string]pim.Activation{}, wanted: map[holding][]span{}, entries: map[string]int{}}
		people, err := r.Principals(pim.Person)
		if err != nil {
			return out, err
		}
		for _, p := range people {
			if err := out.addPerson(r, p); err != nil {
				return out, err
			}
		}
		for _, windows := range out.wanted {
			slices.SortFunc(windows, func(a, b span) int { return a.from.Compare(b.from) })
		}
		return out, out.addEntries(r)
	})
}

func (out *records) addPerson(r *store.Reader, p pim.Principal) error {
	var from store.Keyset
	for {
		page, err := r.ActivationsOf(p.ID, from, 200)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			out.activations[a.ID] = a
			role, err := r.Role(a.RoleID)
			if err != nil {
				return err
			}
			var number int
			if _, err := fmt.Sscanf(role.Key, "role-%d", &number); err != nil {
				return err
			}
			h := holding{p.Key, crashGroupOf(number)}
			out.wanted[h] = append(out.wanted[h], span{a.StartsAt, a.EndedAt})
		}
		last := page[len(page)-1]
		from = store.Keyset{At: last.RequestedAt, ID: last.ID}
	}
}

func (out *records) addEntries(r *store.Reader) error {
	filter := store.EntryFilter{Type: string(pim.EvActRequested), Limit: 500}
	for {
		page, err := r.Entries(filter)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			out.entries[e.ObjectID]++
		}
		if filter.Before = page[len(page)-1].Seq; filter.Before == 0 {
			return nil
		}
	}
}

// judge holds the database, the log, the target's journal and the clients' against one another.
func (c *crash) judge(rounds int) {
	c.Helper()
	rec := c.records()
	asked, released, lost := c.judgeAcknowledged(rec)
	changes := c.journal.all()
	unrecorded := c.judgeGrants(rec, changes)
	late := c.judgeEnds(rec, changes)
	verified := c.stint("audit", "verify")
	c.says(verified, "are good", "Every activation tells a legal story; 0 are not over yet")
	expired := 0
	for _, a := range rec.activations {
		if a.State == pim.Expired {
			expired++
		}
	}
	slices.Sort(c.starts)
	slowest := c.starts[len(c.starts)-1]
	if limit := readyPromise * ciFactor(); slowest > limit {
		c.Errorf("ready only after %s, promised are %s", slowest, limit)
	}
	c.Logf("crash: %d kills; %d activations (%d acknowledged, %d given back as acknowledged, %d expired), %d acknowledged ones lost; "+
		"%d changes at the target, %d without a record; gone at most %s after the end and ready; ready after %s (median), %s (slowest); %s", rounds, len(rec.activations), asked, released, expired,
		lost, len(changes), unrecorded, late.Round(time.Millisecond), c.starts[len(c.starts)/2].Round(time.Millisecond), slowest.Round(time.Millisecond), strings.SplitN(verified, " of ", 2)[0])
}

// ciFactor gives a busy machine three times as long.
func ciFactor() time.Duration {
	if os.Getenv("CI") == "true" {
		return 3
	}
	return 1
}

// judgeAcknowledged finds what a client was told and Stint does not know.
func (c *crash) judgeAcknowledged(rec records) (asked, released, lost int) {
	c.Helper()
	for _, p := range c.people {
		for _, problem := range p.problems {
			c.Errorf("%s: %s", p.id, problem)
		}
		for id, ack := range p.asked {
			a, known := rec.activations[id]
			if !known {
				lost++
				c.Errorf("the activation %s, acknowledged to %s at %s, is lost", id, p.id, ack.at.Format(time.StampMicro))
			}
			if n := rec.entries[id]; n != 1 {
				c.Errorf("the acknowledged activation %s is %d times in the audit log", id, n)
			}
			if _, gave := p.released[id]; gave && a.State != pim.Deactivated {
				c.Errorf("%s was given back, as acknowledged, and is %s", id, a.State)
			}
		}
		asked, released = asked+len(p.asked), released+len(p.released)
	}
	if asked < 100 || released < 50 {
		c.Errorf("%d activations and %d returns are no load", asked, released)
	}
	for id, a := range rec.activations {
		if rec.entries[id] != 1 || a.State.Open() || a.SettledAt.IsZero() {
			c.Errorf("after the end %s is %s, settled %s, %d times in the log", id, a.State, a.SettledAt, rec.entries[id])
		}
		if a.State == pim.LostAtTarget || a.State == pim.Failed {
			c.Errorf("%s is %s, though nobody but Stint wrote to the target", id, a.State)
		}
	}
	return asked, released, lost
}

// judgeGrants finds memberships at the target that no record asked for, and the one that was there before Stint.
func (c *crash) judgeGrants(rec records, changes []change) (unrecorded int) {
	c.Helper()
	standing := holding{crashPersonID(0), crashGroupOf(crashGroups - 1)}
	for _, ch := range changes {
		h := holding{ch.member, ch.group}
		if h == standing {
			c.Errorf("at %s Stint touched what was there before it: %+v", ch.at.Format(time.StampMicro), ch)
		}
		if !ch.joined || ch.member == "nobody" {
			continue
		}
		asked := slices.ContainsFunc(rec.wanted[h], func(w span) bool { return !ch.at.Before(w.from) && ch.at.Before(w.to.Add(gonePromise)) })
		if !asked {
			unrecorded++
			c.Errorf("%s was put into %s at %s without a record", ch.member, ch.group, ch.at.Format(time.StampMicro))
		}
	}
	return unrecorded
}

// judgeEnds finds memberships that outlived their need while the server was ready, and returns the longest such time.
func (c *crash) judgeEnds(rec records, changes []change) (worst time.Duration) {
	c.Helper()
	joined := map[holding]time.Time{}
	for _, ch := range changes {
		h := holding{ch.member, ch.group}
		if ch.member == "nobody" {
			continue
		}
		if ch.joined {
			joined[h] = ch.at
			continue
		}
		for _, stretch := range unwanted(span{joined[h], ch.at}, rec.wanted[h]) {
			for _, up := range c.up {
				late := earlier(stretch.to, up.to).Sub(later(stretch.from, up.from))
				if worst = max(worst, late); late > c.promise {
					c.Errorf("%s was in %s %s longer than needed, until %s", h.person, h.group, late, ch.at.Format(time.StampMicro))
				}
			}
		}
		delete(joined, h)
	}
	for h := range joined {
		c.Errorf("%s is still in %s", h.person, h.group)
		c.tell(h, rec, changes)
	}
	return worst
}

// tell logs what the target, the activations and the log say of a membership.
func (c *crash) tell(h holding, rec records, changes []change) {
	c.Helper()
	for _, ch := range changes[max(0, len(changes)-400):] {
		if ch.member == h.person && ch.group == h.group {
			c.Logf("target %s joined %v", ch.at.UTC().Format(time.StampMicro), ch.joined)
		}
	}
	windows := rec.wanted[h]
	for _, w := range windows[max(0, len(windows)-10):] {
		c.Logf("needed %s to %s", w.from.UTC().Format(time.StampMicro), w.to.UTC().Format(time.StampMicro))
	}
	told := inDatabase(c.host, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: "grant.", Limit: 2000})
	})
	for _, e := range slices.Backward(told) {
		c.Logf("log %s: %d %s %s %v", e.At.UTC().Format(time.StampMicro), e.Seq, e.Type, e.ObjectID, e.Facts)
	}
}

// unwanted are the parts of a membership in which no window, in the order of their begin, needed it.
func unwanted(held span, windows []span) (out []span) {
	from := held.from
	for _, w := range windows {
		if w.from.After(from) {
			out = append(out, span{from, earlier(w.from, held.to)})
		}
		if from = later(from, w.to); !from.Before(held.to) {
			return out
		}
	}
	return append(out, span{from, held.to})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
