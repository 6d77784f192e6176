package pim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// RuleContext asks for a sign-in again at the provider, which names how strong it was.
const RuleContext Rule = "context"

// Limits of the authentication contexts that one rule names.
const (
	MaxContexts = 5
	maxContext  = 100 // characters of one
)

// SignInProof says that a person signed in again at the provider for one thing, once, and how.
type SignInProof struct {
	ID          string // of the ceremony it was made for
	PrincipalID string
	Context     string // acr: one of those asked for
	SignedInAt  time.Time
	At          time.Time
	Token       string // SHA-256 of the ID token, base64
}

// Contexts are the authentication contexts of which the provider must answer one; none: nothing is asked.
func (s Settings) Contexts() []string { return strings.Fields(s.Context) }

// Accepts reports whether what the provider answered, empty for nothing, is enough.
func (s Settings) Accepts(context string) bool {
	asked := s.Contexts()
	return len(asked) == 0 || context != "" && slices.Contains(asked, context)
}

// checkContext says what is wrong with a list of contexts, or "". The word none is how the file says that there are none.
func checkContext(text string) string {
	list := strings.Fields(text)
	if len(list) > MaxContexts {
		return fmt.Sprintf("context names at most %d authentication contexts, with spaces between them.", MaxContexts)
	}
	for i, c := range list {
		odd := strings.ContainsFunc(c, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
		if len(c) > maxContext || odd || c == "none" || slices.Contains(list[:i], c) {
			return "context must be names the provider knows (acr values), such as urn:example:mfa, each once, with spaces between them."
		}
	}
	return ""
}

// contextVerdict is nil where no context is asked for.
func contextVerdict(f ActivationFacts) *Verdict {
	asked := f.Effective.Contexts()
	switch {
	case len(asked) == 0:
		return nil
	case f.Proof == nil:
		return &Verdict{Rule: RuleContext, State: Todo, Message: "You will sign in again at the provider: " + strings.Join(asked, " or ")}
	case !f.Effective.Accepts(f.Proof.Context):
		return &Verdict{Rule: RuleContext, State: No, Message: "The sign-in was not the one this role asks for. Start again."}
	default:
		return &Verdict{Rule: RuleContext, State: Pass, Message: "Signed in again at the provider: " + f.Proof.Context}
	}
}

// wantedContexts are those still to be asked for.
func wantedContexts(f ActivationFacts) []string {
	if f.Proof != nil {
		return nil
	}
	return f.Effective.Contexts()
}

// CommonContexts are those that one sign-in can answer for several things; nil where nothing asks. A refusal where no
// single answer would do.
func CommonContexts(lists [][]string) ([]string, *Refusal) {
	var out []string
	for _, list := range lists {
		if len(list) == 0 {
			continue
		}
		if out == nil {
			out = slices.Clone(list)
			continue
		}
		out = slices.DeleteFunc(out, func(c string) bool { return !slices.Contains(list, c) })
		if len(out) == 0 {
			return nil, Refuse(KindInvalid, "These roles ask for different sign-ins at the provider. Activate them one after another.")
		}
	}
	return out, nil
}
