package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"stint/internal/connector"
)

const (
	maxIdle     = 4               // connections kept; more are opened when needed and closed after use
	dialTimeout = 4 * time.Second // for one address, so that a dead first server leaves time for the second
	farewell    = time.Second     // for closing politely
)

// pool keeps a few connections to the primary. It is no pgxpool: that one cannot be used again once closed.
type pool struct {
	settings
	config *pgx.ConnConfig // without the password, which is asked for at each connection
	secret func(string) (string, error)

	mu   sync.Mutex
	idle []*session
}

// session is one connection, used by one call at a time.
type session struct {
	*pgx.Conn
	version int   // server_version_num
	self    int64 // the OID of Stint's own role there
	reused  bool
	wrote   bool // in this transaction
	sent    bool // a COMMIT was sent and not answered
	expire  *time.Timer
}

// do runs fn on a connection. fn may run again on another one when a kept connection turns out to be dead before
// anything was committed.
func (p *pool) do(ctx context.Context, fn func(*session) error) error {
	for {
		s, err := p.take(ctx)
		if err != nil {
			return err
		}
		err = fn(s)
		reused, sent := s.reused, s.sent // once put back, the connection is somebody else's
		if broken(err) || s.IsClosed() {
			s.drop()
		} else {
			p.put(s)
		}
		if err == nil || !reused || sent || ctx.Err() != nil || !broken(err) {
			return classify(ctx, sent, err)
		}
	}
}

// drop lets a connection go without holding up its caller.
func (s *session) drop() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		_ = s.Close(ctx)
	}()
}

func (p *pool) take(ctx context.Context) (*session, error) {
	p.mu.Lock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if s.expire.Stop() && !s.IsClosed() {
			p.mu.Unlock()
			s.reused = true
			return s, nil
		}
	}
	p.mu.Unlock()
	return p.connect(ctx)
}

// put keeps a connection on which nothing is under way.
func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= maxIdle || s.PgConn().TxStatus() != 'I' {
		s.drop()
		return
	}
	s.expire = time.AfterFunc(idleLimit, func() { p.forget(s) })
	p.idle = append(p.idle, s)
}

// forget closes a connection that stayed idle.
func (p *pool) forget(s *session) {
	p.mu.Lock()
	for i, other := range p.idle {
		if other == s {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			break
		}
	}
	p.mu.Unlock()
	s.drop()
}

func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, s := range idle {
		if s.expire.Stop() {
			s.drop()
		}
	}
	return nil
}

// connect dials the servers in their order and takes the first that can be written to.
func (p *pool) connect(ctx context.Context) (*session, error) {
	password, err := p.secret(Password)
	if err != nil {
		return nil, connector.Errorf(connector.Denied, "%s cannot be read: %w", Password, err)
	}
	if password == "" {
		return nil, connector.Errorf(connector.Denied, "%s is empty", Password)
	}
	conf := p.config.Copy()
	conf.Password = password
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return nil, connectFailed(p.user, err)
	}
	s := &session{Conn: conn}
	if err := p.introduce(ctx, s); err != nil {
		s.drop()
		return nil, classify(ctx, false, err)
	}
	return s, nil
}

// introduce asks once who and what is at the other end.
func (p *pool) introduce(ctx context.Context, s *session) error {
	err := s.QueryRow(ctx, `SELECT current_setting('server_version_num')::int8, oid::int8 FROM pg_catalog.pg_roles WHERE rolname = session_user`).
		Scan(&s.version, &s.self)
	if errors.Is(err, pgx.ErrNoRows) {
		return connector.Errorf(connector.Denied, "%s is no role here", p.user)
	}
	if err != nil || p.system == "" {
		return err
	}
	var system string
	if err := s.QueryRow(ctx, `SELECT system_identifier::text FROM pg_catalog.pg_control_system()`).Scan(&system); err != nil {
		return err
	}
	if system != p.system {
		return connector.Errorf(connector.Denied, "this is another cluster (system_identifier %s, expected %s), where the same OIDs are other roles: "+
			"look roles and accounts up anew before changing system_identifier", system, p.system)
	}
	return nil
}
