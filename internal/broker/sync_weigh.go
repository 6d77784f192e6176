package broker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// verdict is what a run does about one person.
type verdict struct {
	said    pim.SyncedPerson
	kind    verdictKind
	link    bool // who the entry is here is noted with it
	was     pim.Principal
	next    pim.Principal
	words   []string // what changes, field by field
	why     string   // of one that is skipped
	enable  bool     // whom the sync had disabled
	disable bool
}

type verdictKind int

const (
	nothing verdictKind = iota
	added
	changed
	skipped
)

// weighing is what the verdicts of a batch rest on, read on one snapshot.
type weighing struct {
	run     *syncing
	links   map[string]store.SyncLink       // of the batch and of its managers
	matched map[string][]pim.Principal      // by what they are recognised by
	linked  map[string]string               // entries of those who are matched, by principal
	names   func(principalID string) string // of managers
}

// weigh decides about a batch from what is so now. It is asked twice: to count, and inside the write, where nobody reads
// the names of managers.
func weigh(r *store.Reader, run *syncing, people []pim.SyncedPerson, names func(principalID string) string) ([]verdict, error) {
	w, err := newWeighing(r, run, people, names)
	if err != nil {
		return nil, err
	}
	out := make([]verdict, len(people))
	for i, p := range people {
		out[i] = w.verdict(p)
	}
	return out, nil
}

func newWeighing(r *store.Reader, run *syncing, people []pim.SyncedPerson, names func(string) string) (w weighing, err error) {
	w = weighing{run: run, matched: map[string][]pim.Principal{}, names: names}
	var ids, values []string
	for _, p := range people {
		ids = append(ids, p.ID)
		if boss := run.people[digestOf(p.Manager)]; p.Manager != "" && boss != "" {
			ids = append(ids, boss)
		}
	}
	slices.Sort(ids)
	if w.links, err = r.SyncLinks(run.TargetID, slices.Compact(ids)); err != nil {
		return w, err
	}
	for _, p := range people {
		if _, known := w.links[p.ID]; !known {
			values = append(values, p.Match)
		}
	}
	var hits []pim.Principal
	if len(values) > 0 && run.Settings.Claim != "" {
		hits, err = r.MatchedBy(run.Settings.Claim, values)
	} else if len(values) > 0 {
		hits, err = r.BySubjects(run.Settings.Issuer, values)
	}
	if err != nil {
		return w, err
	}
	var found []string
	for _, h := range hits {
		value := h.MatchValue
		if run.Settings.Claim == "" {
			value = h.Subject
		}
		w.matched[value] = append(w.matched[value], h)
		found = append(found, h.ID)
	}
	w.linked, err = r.SyncLinksOf(run.TargetID, found)
	return w, err
}

func byID(principalID string) string { return principalID }

func managerNames(r *store.Reader) func(string) string {
	known := map[string]string{"": ""}
	return func(id string) string {
		if name, ok := known[id]; ok {
			return name
		}
		names, err := r.Names([]string{id})
		if known[id] = names[id]; err != nil || names[id] == "" {
			known[id] = "somebody new"
		}
		return known[id]
	}
}

func (w weighing) verdict(p pim.SyncedPerson) verdict {
	v := verdict{said: p}
	if w.run.matches[digestOf(p.Match)] {
		return v.skip("another entry has the same " + w.run.Settings.Match + " (" + p.Match + "): nobody could be told apart at sign-in")
	}
	l, known := w.links[p.ID]
	switch {
	case known && l.Removed:
		return v // taken out of Stint for good: so it stays
	case known:
		v.was = l.Principal
	default:
		if v = w.unknown(v); v.kind != changed {
			return v
		}
	}
	v.next = w.next(v.was, p)
	if v.words = append(v.words, v.was.Changes(v.next, w.names)...); len(v.words) > 0 {
		v.kind = changed
	}
	v.disable = p.Disabled && v.was.Enabled
	v.enable = !p.Disabled && !v.was.Enabled && known && l.Off
	return v
}

func (v verdict) skip(why string) verdict {
	v.kind, v.why = skipped, why
	return v
}

// unknown is about an entry that is nobody here yet: somebody known otherwise, or somebody new. A re-created entry is
// nobody's heir: whoever is known from another entry stays that one (DESIGN §3).
func (w weighing) unknown(v verdict) verdict {
	hits := w.matched[v.said.Match]
	switch {
	case len(hits) > 1:
		return v.skip("several people here have " + w.run.Settings.Match + " " + v.said.Match)
	case len(hits) == 1 && w.linked[hits[0].ID] != "":
		return v.skip("is recognised as " + hits[0].Name + " is, who is known from another entry. If that one was made anew, remove the person first")
	case len(hits) == 1:
		v.kind, v.link, v.was = changed, true, hits[0]
		v.words = []string{"known already, from now on from this directory too"}
		return v
	case v.said.Disabled:
		return v // whoever is disabled and unknown stays so
	}
	v.kind, v.link = added, true
	id := w.run.newID(v.said.ID)
	v.next = pim.Principal{ID: id, Kind: pim.Person, PersonID: id, Enabled: true, Source: pim.SourceDirectory}
	v.next = w.next(v.next, v.said)
	if v.next.Department != "" {
		v.words = append(v.words, v.next.Department)
	}
	return v
}

// next is a person as the directory says. Who they are at the provider is fixed once they have signed in.
func (w weighing) next(was pim.Principal, p pim.SyncedPerson) pim.Principal {
	next := was.TakeDirectory(p, w.managerOf(p))
	if next.Source != pim.SourceDirectory || !next.LastSeenAt.IsZero() {
		return next
	}
	if s := w.run.Settings; s.Claim != "" && next.Subject == "" {
		next.MatchClaim, next.MatchValue = s.Claim, p.Match
	} else if s.Claim == "" && next.Subject == "" {
		next.Issuer, next.Subject, next.MatchClaim, next.MatchValue = s.Issuer, p.Match, "", ""
	}
	return next
}

// managerOf is who an entry's manager is here; somebody who is added in the same run is known by the id they get.
func (w weighing) managerOf(p pim.SyncedPerson) string {
	id := w.run.people[digestOf(p.Manager)]
	if p.Manager == "" || id == "" || w.run.unused[id] {
		return ""
	}
	if l, ok := w.links[id]; ok {
		if l.Removed {
			return ""
		}
		return l.Principal.ID
	}
	return w.run.newID(id)
}

// newID is the id of somebody new, the same throughout the saving of a run: managers are known before they are added.
// Those who are added one after the other are neighbours in every index by id; 115 of its bits cannot be guessed.
func (run *syncing) newID(external string) string {
	return run.secret(run.run.ID, 4) + inOrder(run.seen[digestOf(external)]) + run.secret(external, 23)
}

func (run *syncing) secret(of string, letters int) string {
	mac := hmac.New(sha256.New, []byte(run.Salt))
	mac.Write([]byte(of))
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:20]))[:letters]
}

// inOrder writes a number in five letters and digits that sort as it does.
func inOrder(n int) string {
	const sorted = "234567abcdefghijklmnopqrstuvwxyz"
	var out [5]byte
	for i := range out {
		out[len(out)-1-i] = sorted[n%len(sorted)]
		n /= len(sorted)
	}
	return string(out[:])
}

func manager(s pim.SyncSettings) string { return strings.TrimSpace(s.Manager) }
