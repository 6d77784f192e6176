package web

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"stint/internal/signin"
)

// providerLogout is what is registered at the provider as back-channel logout URI.
const providerLogout = "/sign-in/logout"

// ProviderLogout is POST /sign-in/logout: the provider says who signed out there (OpenID Connect Back-Channel Logout
// 1.0 §2.5 to §2.8). 200: whatever the token names is over here; 400: the token does not count, or ending failed.
func (s *Server) ProviderLogout(q *request) error {
	if s.signIn == nil {
		return logoutAnswer(q, http.StatusBadRequest, "server_error", "No provider is set up here.")
	}
	if s.refused.tooMany(q.client, q.now) {
		return logoutAnswer(q, http.StatusTooManyRequests, "temporarily_unavailable", "Too many tokens that do not count came from this address. Wait a minute.")
	}
	logout, err := s.signIn.Logout(q.ctx(), q.Request().PostFormValue("logout_token"))
	if err == nil {
		err = s.broker.ProviderLogout(q.ctx(), logout)
	}
	var refusal signin.Refusal
	switch {
	case err == nil:
		return q.NoContent(http.StatusOK)
	case !errors.As(err, &refusal), refusal.Code == signin.CodeUnavailable, refusal.Code == signin.CodeMisconfigured:
		s.log.Error("logout by the provider", "id", q.id, "error", err)
		return logoutAnswer(q, http.StatusBadRequest, "server_error", "The sessions could not be ended. Send it again.")
	}
	s.refused.count(q.client, q.now)
	s.log.LogAttrs(q.ctx(), slog.LevelWarn, "logout token refused", slog.String("id", q.id), slog.String("code", string(refusal.Code)),
		slog.String("detail", refusal.Detail), slog.String("client", q.client))
	return logoutAnswer(q, http.StatusBadRequest, "invalid_request", "The logout token does not count: "+string(refusal.Code)+".")
}

func logoutAnswer(q *request, status int, code, text string) error {
	return q.JSON(status, map[string]string{"error": code, "error_description": text})
}

const (
	refusedEach = 20   // tokens of one address, in a minute
	refusedKept = 1000 // addresses; beyond it the counting begins anew
)

// refusedTokens counts what did not count, by address: a provider signs many people out at once, but sends nothing
// wrong. Each wrong token may cost a question to the provider for its keys.
type refusedTokens struct {
	mu    sync.Mutex
	since time.Time
	by    map[string]int
}

func (r *refusedTokens) tooMany(client string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Sub(r.since).Abs() < time.Minute && r.by[client] >= refusedEach
}

func (r *refusedTokens) count(client string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since).Abs() >= time.Minute || len(r.by) >= refusedKept {
		r.since, r.by = now, map[string]int{}
	}
	r.by[client]++
}
