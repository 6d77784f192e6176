package web

import (
	"context"
	"time"

	"stint/internal/store"
)

// revalidateWait is how long a page waits for the provider's word about its reader's session; without one it is shown,
// and the question goes on beside it (THREATS F13).
const revalidateWait = 2 * time.Second

// revalidate asks the provider about a session when that is due; it reports whether it did.
func (s *Server) revalidate(ctx context.Context, id string, row store.SessionRow) bool {
	if s.recheck <= 0 || s.signIn == nil || !s.broker.RecheckDue(row) {
		return false
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		// A reader who goes away must not stop it: the refresh token may be used up already.
		if err := s.broker.Recheck(context.WithoutCancel(ctx), s.signIn, row, s.recheck, s.fresh); err != nil {
			s.log.Warn("asking the provider about a session; it goes on, and the provider is asked again", "id", id, "session", row.Handle, "error", err)
		}
	}()
	wait := time.NewTimer(revalidateWait)
	defer wait.Stop()
	select {
	case <-answered:
	case <-wait.C:
	}
	return true
}
