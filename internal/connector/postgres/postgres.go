package postgres

import (
	"context"
	"strconv"
	"time"

	"stint/internal/connector"
)

// Kind is the name of this kind of target.
const Kind = "postgres"

// Password is the one credential: the password of user.
const Password = "password"

func init() {
	connector.Register(Kind, connector.Factory{
		Open:      open,
		Validate:  validate,
		Secrets:   func(map[string]string) []string { return []string{Password} },
		Protected: protected,
		Covers:    covers,
		Fields:    described,

		OwnersAreMembers: true,
	})
}

// cluster is a connector.Connector for one PostgreSQL cluster.
type cluster struct {
	settings
	pool pool
}

func open(cfg connector.Config) (connector.Connector, error) {
	s, err := parse(cfg.Settings)
	if err != nil {
		return nil, err
	}
	conf, err := s.connection(cfg.Timeout)
	if err != nil {
		return nil, err
	}
	return &cluster{settings: s, pool: pool{settings: s, config: conf, secret: cfg.Secret}}, nil
}

// Capabilities: what is written on the primary is read there at once. VALID UNTIL is no native expiry (package comment).
func (c *cluster) Capabilities() connector.Capabilities {
	return connector.Capabilities{ListsStrangers: true, EndsSessions: c.endSessions}
}

// Close lets idle connections go.
func (c *cluster) Close() error { return c.pool.close() }

var _ connector.Connector = (*cluster)(nil)

// idleLimit is how long an unused connection is kept: a cluster has few to give.
const idleLimit = 30 * time.Second

// oid reads an id back. Those of another kind of target are refused without the network.
func oid(id string) (int64, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != id {
		return 0, connector.Errorf(connector.Refused, "%q is not the OID of a role", id)
	}
	return int64(n), nil
}

func oids(acc connector.AccountID, ent connector.EntitlementID) (account, role int64, owners bool, err error) {
	about, owners := ent.Owned()
	if account, err = oid(string(acc)); err == nil {
		role, err = oid(string(about))
	}
	return account, role, owners, err
}

// one runs fn on a connection and returns what it found.
func one[T any](ctx context.Context, c *cluster, fn func(*session) (T, error)) (out T, err error) {
	err = c.pool.do(ctx, func(s *session) error {
		out, err = fn(s)
		return err
	})
	return out, err
}
