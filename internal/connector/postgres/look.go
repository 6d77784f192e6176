package postgres

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5"

	"stint/internal/connector"
)

// role is a row of pg_roles.
type role struct {
	id       int64
	name     string
	canLogin bool
	comment  string
}

const roleColumns = `oid::int8, rolname::text, rolcanlogin, coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') FROM pg_catalog.pg_roles`

func scanRole(row pgx.Row) (r role, err error) {
	err = row.Scan(&r.id, &r.name, &r.canLogin, &r.comment)
	return r, err
}

// named compares as text: as a name, PostgreSQL would cut it to 63 bytes first.
func (s *session) named(ctx context.Context, name string) (role, error) {
	r, err := scanRole(s.QueryRow(ctx, "SELECT "+roleColumns+" WHERE rolname = $1::text", name))
	if errors.Is(err, pgx.ErrNoRows) {
		return r, connector.Errorf(connector.Gone, "there is no role %q", name)
	}
	return r, err
}

func (s *session) byID(ctx context.Context, id int64) (role, error) {
	r, err := scanRole(s.QueryRow(ctx, "SELECT "+roleColumns+" WHERE oid = $1::oid", id))
	if errors.Is(err, pgx.ErrNoRows) {
		return r, connector.Errorf(connector.Gone, "there is no role of OID %d any more", id)
	}
	return r, err
}

func checkName(name string) error {
	if !validName(name) {
		return connector.Errorf(connector.Refused, "%.80q cannot be a role's name", name)
	}
	return nil
}

// Canonical takes a role's name as PostgreSQL shows it, without quotes.
func (c *cluster) Canonical(ctx context.Context, name string) (connector.EntitlementID, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	r, err := one(ctx, c, func(s *session) (role, error) { return s.named(ctx, name) })
	if err != nil {
		return "", err
	}
	return connector.EntitlementID(r.text()), nil
}

func (r role) text() string { return strconv.FormatInt(r.id, 10) }

// Describe also judges what whoever holds the role could do (Entry.Protected).
func (c *cluster) Describe(ctx context.Context, ent connector.EntitlementID) (connector.Entry, error) {
	about, _ := ent.Owned()
	id, err := oid(string(about))
	if err != nil {
		return connector.Entry{}, err
	}
	return one(ctx, c, func(s *session) (connector.Entry, error) {
		r, err := s.byID(ctx, id)
		if err != nil {
			return connector.Entry{}, err
		}
		e := r.entry(connector.GroupEntry)
		e.ID = string(ent)
		e.Protected, err = c.dangerOf(ctx, s, id)
		return e, err
	})
}

func (c *cluster) dangerOf(ctx context.Context, s *session, id int64) (why string, err error) {
	rows, err := s.Query(ctx, dangersQuery, id)
	if err != nil {
		return "", err
	}
	var r reached
	byName := protected(map[string]string{"user": c.user})
	_, err = pgx.ForEachRow(rows, []any{&r.itself, &r.name, &r.super, &r.createRole, &r.replication, &r.bypassRLS}, func() error {
		if why == "" {
			why = r.danger(byName)
		}
		return nil
	})
	return why, err
}

func (r role) entry(kind connector.EntryKind) connector.Entry {
	e := connector.Entry{ID: r.text(), Name: r.name, Kind: kind, Detail: r.comment}
	if e.Detail == "" {
		e.Detail = "role " + r.text()
	}
	return e
}

// FindAccount takes the name of a role that can log in.
func (c *cluster) FindAccount(ctx context.Context, name string) (connector.AccountID, string, error) {
	if err := checkName(name); err != nil {
		return "", "", err
	}
	r, err := one(ctx, c, func(s *session) (role, error) {
		r, err := s.named(ctx, name)
		switch {
		case err != nil:
		case r.id == s.self:
			err = connector.Errorf(connector.Refused, "%q is Stint's own role", name)
		case !r.canLogin:
			err = connector.Errorf(connector.Refused, "%q is a role that cannot log in, so it is nobody's account", name)
		}
		return r, err
	})
	if err != nil {
		return "", "", err
	}
	return connector.AccountID(r.text()), r.name, nil
}

// Observe looks for the account's own row in pg_auth_members, whoever granted it; an owner's has the ADMIN OPTION.
func (c *cluster) Observe(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) (connector.Holding, error) {
	account, role, owners, err := oids(acc, ent)
	if err != nil {
		return connector.Holding{}, err
	}
	return one(ctx, c, func(s *session) (connector.Holding, error) {
		_, _, rows, err := s.membership(ctx, account, role)
		return connector.Holding{Present: len(rows.of(owners)) > 0}, err
	})
}

// grantor is who granted a role to an account, and what that gives it.
type grantor struct {
	id     int64
	name   string
	usable bool // it is a member by it: a row with the ADMIN OPTION alone, which version 16 has, gives nothing
	admin  bool // it may make others members
}

type grantors []grantor

// of keeps the rows that make the account an owner, or a member.
func (all grantors) of(owners bool) (out grantors) {
	for _, g := range all {
		if owners && g.admin || !owners && g.usable {
			out = append(out, g)
		}
	}
	return out
}

// own is the row that a role granted, nothing where it granted none.
func (all grantors) own(self int64) (g grantor) {
	for _, g := range all {
		if g.id == self {
			return g
		}
	}
	return grantor{}
}

// membership reads both roles and who granted one to the other. Gone when either role is.
func (s *session) membership(ctx context.Context, account, entitlement int64) (acc, ent role, by grantors, err error) {
	if acc, err = s.byID(ctx, account); err != nil {
		return acc, ent, nil, err
	}
	if ent, err = s.byID(ctx, entitlement); err != nil {
		return acc, ent, nil, err
	}
	by, err = s.grantors(ctx, account, entitlement)
	return acc, ent, by, err
}

func (s *session) grantors(ctx context.Context, account, entitlement int64) (grantors, error) {
	rows, err := s.Query(ctx, membershipsQuery(s.version), account, entitlement)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (g grantor, err error) {
		err = row.Scan(&g.id, &g.name, &g.usable, &g.admin)
		return g, err
	})
}

// List yields every direct holder but Stint's own role, roles that cannot log in included.
func (c *cluster) List(ctx context.Context, ent connector.EntitlementID) iter.Seq2[connector.AccountID, error] {
	return func(yield func(connector.AccountID, error) bool) {
		holders, err := c.holders(ctx, ent)
		if err != nil {
			yield("", err)
			return
		}
		for _, id := range holders {
			if !yield(connector.AccountID(strconv.FormatInt(id, 10)), nil) {
				return
			}
		}
	}
}

func (c *cluster) holders(ctx context.Context, ent connector.EntitlementID) ([]int64, error) {
	about, owners := ent.Owned()
	id, err := oid(string(about))
	if err != nil {
		return nil, err
	}
	return one(ctx, c, func(s *session) ([]int64, error) {
		if _, err := s.byID(ctx, id); err != nil {
			return nil, err
		}
		rows, err := s.Query(ctx, holdersQuery(s.version, owners), id, s.self)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[int64])
	})
}
