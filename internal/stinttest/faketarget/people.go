package faketarget

import (
	"context"
	"iter"
	"slices"
	"strings"

	"stint/internal/connector"
)

// SetPeople is who the target knows from now on; people may be made while they are read.
func (t *Target) SetPeople(people iter.Seq[connector.PersonEntry]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people = people
}

// Someone is a person of a target: attribute, value pairs; the attribute "manager" names another one's id.
func Someone(id string, pairs ...string) connector.PersonEntry {
	p := connector.PersonEntry{ID: id, Name: "cn=" + id, Key: "cn=" + strings.ToLower(id), Values: map[string][]string{}, Refs: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "manager" {
			p.Refs["manager"] = "cn=" + strings.ToLower(pairs[i+1])
			continue
		}
		p.Values[pairs[i]] = append(p.Values[pairs[i]], pairs[i+1])
	}
	return p
}

// CheckPeople takes every query but that of "wrong".
func (r reach) CheckPeople(q connector.PeopleQuery) error {
	if q.Filter == "wrong" {
		return &connector.FieldError{Field: "filter", Message: "the fake target knows no such filter"}
	}
	return nil
}

// ReadPeople hands out pages of 100, whatever is asked.
func (r reach) ReadPeople(ctx context.Context, _ connector.PeopleQuery, page func([]connector.PersonEntry) error) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	people, f := r.t.people, r.t.faults
	r.t.mu.Unlock()
	if people == nil || f.NoPeople {
		return page(nil)
	}
	half := 1 << 40
	if f.HalfPages {
		half = len(slices.Collect(iter.Seq[connector.PersonEntry](people))) / 2
	}
	n, pages := 0, 0
	some := make([]connector.PersonEntry, 0, 100)
	hand := func() error {
		if pages++; f.BetweenPage != nil {
			f.BetweenPage(pages)
		}
		err := page(some)
		some = some[:0]
		return err
	}
	for p := range people {
		if n++; n > half {
			return connector.Errorf(connector.Transient, "the fake target broke off in the middle")
		}
		if some = append(some, p); len(some) == cap(some) {
			if err := hand(); err != nil {
				return err
			}
		}
	}
	return hand()
}

// FindGroup finds an entitlement by name.
func (r reach) FindGroup(ctx context.Context, name string) (connector.EntitlementID, error) {
	return r.Canonical(ctx, name)
}

var _ connector.People = reach{}
