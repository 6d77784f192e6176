package postgres

import (
	"context"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"stint/internal/connector"
)

const browseQuery = `SELECT ` + roleColumns + `
	WHERE position(lower($1::text) IN lower(rolname::text)) > 0 AND rolcanlogin = $2::bool
		AND rolname NOT LIKE 'pg\_%' AND oid <> $3::oid
	ORDER BY rolname LIMIT $4`

// Browse lists roles whose name contains query in any case, all of them when it is empty: first what can be held, then who
// can log in. PostgreSQL's own roles and Stint's are left out.
func (c *cluster) Browse(ctx context.Context, query string) iter.Seq2[connector.Entry, error] {
	return func(yield func(connector.Entry, error) bool) {
		entries, err := c.browse(ctx, query)
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

func (c *cluster) browse(ctx context.Context, query string) ([]connector.Entry, error) {
	query = strings.TrimSpace(query)
	if query != "" {
		if err := checkName(query); err != nil {
			return nil, err
		}
	}
	return one(ctx, c, func(s *session) (out []connector.Entry, err error) {
		for _, kind := range []connector.EntryKind{connector.GroupEntry, connector.AccountEntry} {
			some, err := s.browse(ctx, query, kind)
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
		return out, nil
	})
}

func (s *session) browse(ctx context.Context, query string, kind connector.EntryKind) ([]connector.Entry, error) {
	rows, err := s.Query(ctx, browseQuery, query, kind == connector.AccountEntry, s.self, connector.BrowseLimit/2)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (connector.Entry, error) {
		r, err := scanRole(row)
		return r.entry(kind), err
	})
}
