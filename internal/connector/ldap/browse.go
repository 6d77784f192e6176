package ldap

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// Browse lists groups and accounts whose name contains query, all of them when it is empty.
func (d *directory) Browse(ctx context.Context, query string) iter.Seq2[connector.Entry, error] {
	return func(yield func(connector.Entry, error) bool) {
		entries, err := d.browse(ctx, query)
		if err != nil {
			yield(connector.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (d *directory) browse(ctx context.Context, query string) ([]connector.Entry, error) {
	matching := ""
	if query = strings.TrimSpace(query); query != "" {
		q, err := checkName(query)
		if err != nil {
			return nil, err
		}
		matching = "(|" + contains("cn", q) + contains(d.nameAttribute(), q) + contains(d.accountAttribute, q) + ")"
	}
	var out []connector.Entry
	err := d.pool.do(ctx, func(s *session) error {
		out = nil
		for _, kind := range []connector.EntryKind{connector.GroupEntry, connector.AccountEntry} {
			some, err := d.browseKind(s, kind, matching)
			if err != nil {
				return d.baseFailed(err)
			}
			out = append(out, some...)
		}
		return nil
	})
	return out, err
}

func (d *directory) browseKind(s *session, kind connector.EntryKind, matching string) ([]connector.Entry, error) {
	filter := d.groupFilter()
	if kind == connector.AccountEntry {
		filter = d.accountFilter()
	}
	found, err := s.search(d.baseDN, goldap.ScopeWholeSubtree, "(&"+filter+matching+")", connector.BrowseLimit/2,
		append(d.groupAttributes(), d.accountAttribute)...)
	if err != nil {
		return nil, err
	}
	var out []connector.Entry
	for _, e := range found {
		if entry := d.entry(e, kind); entry.ID != "" {
			out = append(out, entry)
		}
	}
	slices.SortFunc(out, func(a, b connector.Entry) int {
		return cmp.Or(cmp.Compare(fold(a.Name), fold(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}
