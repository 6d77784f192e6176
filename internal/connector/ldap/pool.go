package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

const (
	maxIdle     = 4               // connections kept; more are opened when needed and closed after use
	dialTimeout = 4 * time.Second // for one address, so that a dead first server leaves time for the second
)

// pool keeps a few bound connections, all to the server that answered last: what was written there is read there.
type pool struct {
	settings
	tls    *tls.Config
	secret func(string) (string, error)

	mu     sync.Mutex
	idle   []*session
	pinned string // network address of the server in use
}

// session is one bound connection, used by one call at a time.
type session struct {
	conn   *goldap.Conn
	raw    net.Conn // below TLS: closing it ends any wait at once
	at     string
	reused bool
	sent   bool // a write was sent and not answered
	expire *time.Timer
}

// do runs fn on a connection. fn may run again on another one when a kept connection turns out to be dead before
// anything was written.
func (p *pool) do(ctx context.Context, fn func(*session) error) error {
	for {
		s, err := p.take(ctx)
		if err != nil {
			return err
		}
		err = p.run(ctx, s, fn)
		if err == nil || !broken(err) || !s.reused || s.sent || ctx.Err() != nil { // unless broken, it is somebody else's by now
			return classify(ctx, s, err)
		}
	}
}

func (p *pool) run(ctx context.Context, s *session, fn func(*session) error) error {
	release := s.bound(ctx)
	err := fn(s)
	if release() && !broken(err) {
		p.put(s)
		return err
	}
	s.drop()
	if !s.reused {
		p.unpin(s.at)
	}
	return err
}

// bound ties the connection to ctx, and returns what unties it again and says whether it is still whole.
func (s *session) bound(ctx context.Context) (release func() bool) {
	deadline, _ := ctx.Deadline()
	whole := s.raw.SetDeadline(deadline) == nil
	stop := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
	return func() bool { return stop() && whole && s.raw.SetDeadline(time.Time{}) == nil }
}

// drop closes the socket first: closing politely would wait for a server that may not answer.
func (s *session) drop() {
	_ = s.raw.Close()
	_ = s.conn.Close()
}

func (p *pool) take(ctx context.Context) (*session, error) {
	p.mu.Lock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if s.expire.Stop() && !s.conn.IsClosing() {
			p.mu.Unlock()
			s.reused = true
			return s, nil
		}
	}
	p.mu.Unlock()
	return p.connect(ctx)
}

func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= maxIdle || s.at != p.pinned || s.conn.IsClosing() {
		go s.drop()
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

func (p *pool) pin(at string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pinned = at
}

// unpin lets the next connection go elsewhere.
func (p *pool) unpin(at string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pinned == at {
		p.pinned = ""
	}
}

// connect dials, encrypts and binds: the server used last first, then the others in the order given.
func (p *pool) connect(ctx context.Context) (*session, error) {
	all, err := p.candidates(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		var s *session
		if s, err = p.dial(ctx, c); err != nil {
			p.unpin(c.at)
			if connector.KindOf(err) != connector.Transient || ctx.Err() != nil {
				return nil, err
			}
			continue
		}
		if err = p.bind(ctx, s); err != nil {
			return nil, err
		}
		p.pin(c.at)
		return s, nil
	}
	return nil, err
}

type candidate struct {
	url *url.URL
	at  string // ip:port
}

func (p *pool) candidates(ctx context.Context) ([]candidate, error) {
	p.mu.Lock()
	pinned := p.pinned
	p.mu.Unlock()
	var all []candidate
	var failed error
	for _, u := range p.addresses {
		ips, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
		if err != nil {
			failed = connector.Errorf(connector.Transient, "cannot resolve %s: %w", u.Hostname(), err)
		}
		for _, ip := range ips {
			c := candidate{u, net.JoinHostPort(ip, u.Port())}
			if c.at == pinned {
				all = append([]candidate{c}, all...)
			} else {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return nil, failed
	}
	return all, nil
}

func (p *pool) dial(ctx context.Context, c candidate) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := connector.Dial(ctx, "tcp", c.at)
	if err != nil {
		return nil, connector.Errorf(connector.Transient, "cannot reach %s: %w", c.url.Host, err)
	}
	conf := p.tls.Clone()
	conf.ServerName = c.url.Hostname()
	s := &session{raw: raw, at: c.at}
	if c.url.Scheme == "ldaps" {
		secure := tls.Client(raw, conf)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, tlsFailed(c.url.Host, err)
		}
		s.conn = goldap.NewConn(secure, true)
		s.conn.Start()
		return s, nil
	}
	s.conn = goldap.NewConn(raw, false)
	s.conn.Start()
	if !p.startTLS {
		return s, nil
	}
	release := s.bound(ctx)
	err = s.conn.StartTLS(conf)
	if whole := release(); err != nil || !whole {
		s.drop()
		return nil, tlsFailed(c.url.Host, errors.Join(err, ctx.Err()))
	}
	return s, nil
}

func (p *pool) bind(ctx context.Context, s *session) error {
	password, err := p.secret(BindPassword)
	if err != nil {
		s.drop()
		return connector.Errorf(connector.Denied, "%s cannot be read: %w", BindPassword, err)
	}
	if password == "" { // to a directory that is an anonymous bind, and succeeds (RFC 4513 §5.1.2)
		s.drop()
		return connector.Errorf(connector.Denied, "%s is empty", BindPassword)
	}
	release := s.bound(ctx)
	err = s.conn.Bind(p.bindDN, password)
	if whole := release(); err != nil || !whole {
		s.drop()
		return bindFailed(ctx, s, p.bindDN, errors.Join(err, ctx.Err()))
	}
	return nil
}

// modify is the only way to write. The write counts as sent, with its outcome unknown, until the server answers.
func (s *session) modify(m *goldap.ModifyRequest) error {
	s.sent = true
	err := s.conn.Modify(m)
	s.sent = broken(err)
	return err
}
