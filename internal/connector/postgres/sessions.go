package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"stint/internal/connector"
)

const lookForSessions = 20 * time.Millisecond

// EndSessions ends every session the account has open now and waits until they are gone: one that had switched into the
// role (SET ROLE) keeps it after a REVOKE. Sessions opened since are left alone, they were opened without it.
func (c *cluster) EndSessions(ctx context.Context, acc connector.AccountID) error {
	account, err := oid(string(acc))
	if err != nil {
		return err
	}
	return c.pool.do(ctx, func(s *session) error {
		if account == s.self {
			return connector.Errorf(connector.Refused, "those are Stint's own sessions")
		}
		first, err := s.sessions(ctx, account)
		if err != nil || len(first) == 0 {
			return err
		}
		if err := s.terminate(ctx, account); err != nil {
			return err
		}
		return s.awaitEnd(ctx, account, first)
	})
}

// terminate puts pg_signal_backend on where Stint's role does not inherit: then it holds nothing of what it may give, either.
func (s *session) terminate(ctx context.Context, account int64) error {
	return pgx.BeginFunc(ctx, s, func(tx pgx.Tx) error {
		var putOn bool
		if err := tx.QueryRow(ctx, `SELECT pg_has_role(session_user, 'pg_signal_backend', 'MEMBER')
			AND NOT pg_has_role(session_user, 'pg_signal_backend', 'USAGE')`).Scan(&putOn); err != nil {
			return err
		}
		if putOn {
			if _, err := tx.Exec(ctx, "SET LOCAL ROLE pg_signal_backend"); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usesysid = $1::oid`, account)
		return err
	})
}

// sessions lists process ids: of other roles' sessions little else can be seen without further rights.
func (s *session) sessions(ctx context.Context, account int64) ([]int64, error) {
	rows, err := s.Query(ctx, `SELECT pid::int8 FROM pg_catalog.pg_stat_activity WHERE usesysid = $1::oid`, account)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

func (s *session) awaitEnd(ctx context.Context, account int64, first []int64) error {
	again := time.NewTicker(lookForSessions)
	defer again.Stop()
	for {
		now, err := s.sessions(ctx, account)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(now, func(pid int64) bool { return slices.Contains(first, pid) }) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return connector.Errorf(connector.Transient, "sessions of the account were told to end and have not: %w", context.Cause(ctx))
		}
	}
}
