package broker

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// digest stands for a text in memory.
type digest [16]byte

func digestOf(s string) digest {
	sum := sha256.Sum256([]byte(s))
	return digest(sum[:16])
}

// spool holds what a directory said, packed: a hundred thousand people are a few megabytes.
type spool struct {
	packed bytes.Buffer
	zip    *flate.Writer
	n      int
}

func (s *spool) add(p pim.SyncedPerson) (err error) {
	if s.zip == nil {
		if s.zip, err = flate.NewWriter(&s.packed, flate.BestSpeed); err != nil {
			return err
		}
	}
	s.n++
	return json.NewEncoder(s.zip).Encode(p)
}

// each hands over everybody in order, a batch at a time; size says how many the next one has.
func (s *spool) each(size func() int, batch func(first int, people []pim.SyncedPerson) error) error {
	if s.n == 0 {
		return nil
	}
	if err := s.zip.Flush(); err != nil {
		return err
	}
	in := json.NewDecoder(flate.NewReader(bytes.NewReader(s.packed.Bytes())))
	for first := 0; first < s.n; {
		people := make([]pim.SyncedPerson, min(size(), s.n-first))
		for i := range people {
			if err := in.Decode(&people[i]); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		if err := batch(first, people); err != nil {
			return err
		}
		first += len(people)
	}
	return nil
}

// readPeople reads a directory as a whole, or not at all.
func (b *Broker) readPeople(ctx context.Context, run *syncing) error {
	people, _, err := b.directory(ctx, run.TargetID)
	if err != nil {
		return err
	}
	return people.ReadPeople(ctx, peopleQuery(run.Settings), func(page []connector.PersonEntry) error {
		for _, e := range page {
			if err := run.take(e); err != nil {
				return err
			}
		}
		if len(run.seen) > pim.SyncMaxPeople {
			return connector.Errorf(connector.Refused, "more than %d people: narrow the filter", pim.SyncMaxPeople)
		}
		if len(run.seen) < run.Done+syncTold {
			return ctx.Err()
		}
		return b.keepSync(ctx, run, "reading", len(run.seen), 0)
	})
}

// take notes one entry. What cannot be used is there all the same: nobody is missing for it.
func (run *syncing) take(e connector.PersonEntry) error {
	id := digestOf(e.ID)
	if run.seen[id] > 0 {
		return nil // it was moved while it was read
	}
	run.seen[id] = len(run.seen) + 1
	run.run.Counts.Read++
	p, problem := run.Settings.Read(func(attribute string) []string { return e.Values[attribute] })
	if problem != "" {
		run.skip(e.ID, "", e.Name, problem)
		return nil
	}
	p.ID, p.Where, p.Manager = e.ID, e.Name, e.Refs[manager(run.Settings)]
	run.people[digestOf(e.Key)] = e.ID
	match := digestOf(p.Match)
	_, twice := run.matches[match]
	run.matches[match] = twice
	return run.entries.add(p)
}

func (run *syncing) skip(external, name, where, why string) {
	run.unused[external] = true
	run.run.Counts.Skipped++
	run.list(store.SyncChange{Kind: "skipped", Name: name, Place: where, Words: []string{why}})
}

// comparePeople finds what a run would change, without changing anything. It returns how many enabled people were known.
func (b *Broker) comparePeople(ctx context.Context, run *syncing) (known int, err error) {
	if err := b.keepSync(ctx, run, "comparing", 0, run.entries.n); err != nil {
		return 0, err
	}
	run.todo = make([]bool, run.entries.n)
	err = run.entries.each(func() int { return syncBatch }, func(first int, people []pim.SyncedPerson) error {
		verdicts, err := store.Read(ctx, b.store, func(r *store.Reader) ([]verdict, error) {
			return weigh(r, run, people, managerNames(r))
		})
		if err != nil {
			return err
		}
		for i, v := range verdicts {
			run.count(first+i, v)
		}
		if run.sortedAt(first + len(people)) {
			run.rank()
		}
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	if err := b.findMissing(ctx, run); err != nil {
		return 0, err
	}
	return store.Read(ctx, b.store, func(r *store.Reader) (int, error) {
		n, err := r.SyncKnown(run.TargetID)
		return int(n), err
	})
}

// count notes what was found of one person.
func (run *syncing) count(at int, v verdict) {
	c := &run.run.Counts
	run.todo[at] = v.kind == added || v.kind == changed || v.enable
	switch v.kind {
	case skipped:
		run.skip(v.said.ID, v.said.Name, "", v.why)
		return
	case added:
		run.joining = append(run.joining, arrival{v.said.Name, digestOf(v.said.ID)})
		if c.Added++; run.run.Preview && len(run.Settings.Groups) > 0 {
			run.adding[v.said.ID] = v.said.Name
		}
		run.list(store.SyncChange{Kind: "added", Name: v.said.Name, Place: v.said.Match, Words: v.words})
	case changed:
		c.Changed++
		run.list(store.SyncChange{Kind: "changed", PrincipalID: v.next.ID, Name: v.next.Name, Place: v.said.Match, Words: v.words})
	}
	if v.enable {
		c.Enabled++
		run.list(store.SyncChange{Kind: "enabled", PrincipalID: v.next.ID, Name: v.next.Name, Place: v.said.Match})
	}
	if v.disable {
		c.Disabled++
		run.losing = append(run.losing, losing{v.said.ID, false})
		run.list(store.SyncChange{Kind: "disabled", PrincipalID: v.next.ID, Name: v.next.Name, Place: v.said.Match})
	}
}

// arrival is somebody who is added.
type arrival struct {
	name string
	id   digest
}

// sortedAt reports whether the entries up to one are sorted together, apart from those that follow.
func (run *syncing) sortedAt(n int) bool { return n%syncSorted == 0 || n == run.entries.n }

// rank lets ids of those who are added together sort as their names do.
func (run *syncing) rank() {
	slices.SortFunc(run.joining, func(a, b arrival) int { return strings.Compare(a.name, b.name) })
	for _, a := range run.joining {
		run.ranked++
		run.seen[a.id] = run.ranked
	}
	run.joining = run.joining[:0]
}

// findMissing finds who is known from the directory and was not in its answer.
func (b *Broker) findMissing(ctx context.Context, run *syncing) error {
	for after := ""; ; {
		links, err := store.Read(ctx, b.store, func(r *store.Reader) ([]store.SyncLink, error) {
			return r.SyncLinksAfter(run.TargetID, after, syncBatch)
		})
		if err != nil || len(links) == 0 {
			return err
		}
		for _, l := range links {
			if after = l.ExternalID; l.Removed || !l.Principal.Enabled || run.seen[digestOf(l.ExternalID)] > 0 {
				continue
			}
			run.run.Counts.Missing++
			run.losing = append(run.losing, losing{l.ExternalID, true})
			run.list(store.SyncChange{Kind: "missing", PrincipalID: l.Principal.ID, Name: l.Principal.Name})
		}
	}
}
