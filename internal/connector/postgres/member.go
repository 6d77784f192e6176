package postgres

import (
	"context"
	"strings"
	"time"

	"stint/internal/connector"
)

// Grant makes the account a member, or a member an owner. No version ends a membership by itself: until is ignored
// (Capabilities).
func (c *cluster) Grant(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID, _ time.Time) error {
	return c.change(ctx, acc, ent, func(s *session, m membership) error {
		if m.account.id == s.self {
			return connector.Errorf(connector.Refused, "%q is Stint's own role", m.account.name)
		}
		if len(m.by.of(m.owners)) > 0 {
			return nil
		}
		statement := grantStatement(s.version, m.role.name, m.account.name, m.by.own(s.self))
		if m.owners {
			// Before version 16 this would make a member, too, whom nobody would take out again with the ownership.
			if len(m.by.of(false)) == 0 {
				return connector.Errorf(connector.Transient, "%q is no member of %q yet, which its owners are", m.account.name, m.role.name)
			}
			statement = grantAdminStatement(s.version, m.role.name, m.account.name, m.by.own(s.self))
		}
		if err := s.write(ctx, statement); err != nil {
			return err
		}
		by, err := s.grantors(ctx, m.account.id, m.role.id)
		if err == nil && len(by.of(m.owners)) == 0 {
			err = m.renamed()
		}
		return err
	})
}

// Revoke ends the membership, and with it the ownership that rests on it; or the ownership alone. From version 16 on that
// is what Stint's own role granted; what others granted beside it can only be taken back by them, and is refused in words:
// REVOKE itself would only warn.
func (c *cluster) Revoke(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) error {
	var others []string
	err := c.change(ctx, acc, ent, func(s *session, m membership) error {
		others = nil
		if len(m.by.of(m.owners)) == 0 {
			return nil
		}
		statement := revokeStatement(m.role.name, m.account.name)
		if m.owners {
			statement = revokeAdminStatement(s.version, m.role.name, m.account.name, m.by.own(s.self))
		}
		if err := s.write(ctx, statement); err != nil {
			return err
		}
		by, err := s.grantors(ctx, m.account.id, m.role.id)
		if err != nil {
			return err
		}
		var done bool
		if others, done = othersGrants(s.version, s.self, by.of(m.owners)); !done {
			return m.renamed()
		}
		return nil
	})
	if err == nil && len(others) > 0 {
		err = connector.Errorf(connector.Refused, "the %s stays: it was also granted by %s, and only they (or a superuser) can revoke that: "+
			"REVOKE … GRANTED BY …", called(ent), strings.Join(others, ", "))
	}
	return err
}

func called(ent connector.EntitlementID) string {
	if _, owners := ent.Owned(); owners {
		return "ADMIN OPTION"
	}
	return "membership"
}

// membership is one account in one role, as both are called in this transaction; or owning it.
type membership struct {
	account, role role
	by            grantors
	owners        bool
}

// renamed: the statement named roles, and one of them was called otherwise by then. Nothing is committed.
func (m membership) renamed() error {
	return connector.Errorf(connector.Transient, "%q or %q was renamed meanwhile", m.role.name, m.account.name)
}

// change looks both roles up, lets fn write, and commits unless fn errs.
func (c *cluster) change(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID, fn func(*session, membership) error) error {
	account, role, owners, err := oids(acc, ent)
	if err != nil {
		return err
	}
	return c.pool.do(ctx, func(s *session) error {
		s.sent, s.wrote = false, false
		tx, err := s.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
		m := membership{owners: owners}
		if m.account, m.role, m.by, err = s.membership(ctx, account, role); err != nil {
			return err
		}
		if err := fn(s, m); err != nil || !s.wrote {
			return err
		}
		err = tx.Commit(ctx)
		s.sent = broken(err)
		return err
	})
}

// write is the only way to change anything. It takes effect with the transaction's COMMIT.
func (s *session) write(ctx context.Context, statement string) error {
	s.wrote = true
	_, err := s.Exec(ctx, statement)
	if answer := answerOf(err); answer != nil && answer.Code == undefinedObject {
		return connector.Errorf(connector.Transient, "a role was renamed or dropped meanwhile: %w", err)
	}
	return err
}
