package broker

import (
	"context"
	"sync"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// memory holds the live grants with their ends, so that revoking goes on when the store cannot be
// written (DESIGN §3, THREATS F2).
type memory struct {
	mu    sync.Mutex
	live  map[string]store.GrantRow
	freed map[string]bool // revoked unclaimed, to be recorded when the store works again
}

func newMemory() *memory { return &memory{live: map[string]store.GrantRow{}, freed: map[string]bool{}} }

func (m *memory) keep(g store.GrantRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.freed, g.ID)
	if g.Wanted && !g.WantedUntil.IsZero() && (g.Before == pim.Absent || g.Adopted) {
		m.live[g.ID] = g
	} else {
		delete(m.live, g.ID)
	}
}

// overdue lists what must go by now, from memory alone.
func (m *memory) overdue(b *Broker) []store.GrantRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := b.clock()
	var out []store.GrantRow
	for id, g := range m.live {
		if !now.Before(g.WantedUntil) && !m.freed[id] {
			out = append(out, g)
		}
	}
	return out
}

func (m *memory) free(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.freed[id] = true
}

// emergency revokes what is due while the store cannot be written. Nothing is recorded now; the same
// level-triggered pass records it later.
func (b *Broker) emergency(ctx context.Context, cause error) {
	if ctx.Err() != nil {
		return
	}
	b.log.Error("the database cannot be written; due roles are taken away all the same", "error", cause)
	var revokes sync.WaitGroup
	for _, g := range b.memory.overdue(b) {
		revokes.Go(func() { b.revokeUnclaimed(ctx, g) })
	}
	revokes.Wait()
}

func (b *Broker) revokeUnclaimed(ctx context.Context, g store.GrantRow) {
	conn, err := b.connect(ctx, g.TargetID)
	if err == nil {
		err = conn.Revoke(ctx, connector.AccountID(g.AccountID), connector.EntitlementID(g.EntitlementID))
	}
	if err == nil && conn.Capabilities().EndsSessions { // and again when it is recorded
		err = conn.EndSessions(ctx, connector.AccountID(g.AccountID))
	}
	if err != nil {
		b.log.Error("revoking without the database", "grant", g.ID, "target", g.TargetID, "error", err)
		return
	}
	b.memory.free(g.ID)
}

// replace takes over the live grants as the database has them.
func (m *memory) replace(live []store.GrantRow) {
	there := make(map[string]bool, len(live))
	for _, g := range live {
		there[g.ID] = true
		m.keep(g)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.live {
		if !there[id] {
			delete(m.live, id)
		}
	}
}
