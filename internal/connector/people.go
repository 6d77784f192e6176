package connector

import "context"

// PeopleQuery says whom to read from a directory, and what of them.
type PeopleQuery struct {
	Base       string   // where people are; empty: what the target is set to
	Filter     string   // who is meant, in the directory's own language
	Attributes []string // whose values are wanted; the attribute of the immutable id may be among them
	References []string // attributes whose values name another entry, such as a manager
	PageSize   int      // entries a page; 0 = PeoplePage
}

// PeoplePage is how many entries one page of ReadPeople holds, below the least limit directories begin with.
const PeoplePage = 500

// PersonEntry is somebody as a directory shows them.
type PersonEntry struct {
	ID     string              // immutable id, as AccountID
	Name   string              // where the entry is, for people to read (a DN)
	Key    string              // the same in a form that is equal for two spellings of one place
	Values map[string][]string // by attribute, as it was asked for
	Refs   map[string]string   // the Key that an attribute names, by attribute; absent where it names nothing
}

// People is what a connector offers besides when its target knows people.
type People interface {
	// CheckPeople refuses, with a *FieldError, a query that cannot be asked. It needs no network.
	CheckPeople(PeopleQuery) error

	// ReadPeople hands everybody a query means to page, one page after the other. Without an error the answer was whole;
	// with one, what was handed over before is not. Each page has a hard deadline of its own.
	ReadPeople(ctx context.Context, q PeopleQuery, page func([]PersonEntry) error) error

	// FindGroup resolves a group's name to the id that List takes. Unlike Canonical it does not ask whether the target
	// may write it: it is only read.
	FindGroup(ctx context.Context, name string) (EntitlementID, error)
}

// PeopleKinds returns the kinds of target that know people, sorted.
func PeopleKinds() (out []string) {
	for _, kind := range Kinds() {
		if f, err := factory(kind); err == nil && f.People {
			out = append(out, kind)
		}
	}
	return out
}

// PeopleOf returns what a connector offers about people; false where its target knows none.
func PeopleOf(c Connector) (People, bool) {
	if g, ok := c.(*guard); ok {
		c = g.inner
	}
	p, ok := c.(People)
	return p, ok
}
