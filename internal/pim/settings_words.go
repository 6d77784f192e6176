package pim

import (
	"fmt"
	"strings"
	"time"
)

// Words is a field's value as the screen says it; of approvers it says how many are named.
func (s Settings) Words(f Field) string {
	if n := f.number(); n >= 0 {
		return rules[n].words(&s)
	}
	return ""
}

// Words is what a row sets of a field, empty where it is inherited.
func (r RoleSettings) Words(f Field) string {
	n := f.number()
	if n < 0 || !rules[n].isSet(&r) {
		return ""
	}
	s := DefaultSettings()
	rules[n].over(&r, &s)
	return rules[n].words(&s)
}

func required(on bool) string { return choose(on, "required", "not required") }

func allowed(on bool) string { return choose(on, "allowed", "not allowed") }

func choose(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

func stepUpWords(l StepUpLevel) string {
	switch l {
	case StepUpAttested:
		return "a passkey that stays on its device, of a trusted make"
	case StepUpPasskey:
		return "a passkey"
	default:
		return "nothing"
	}
}

func contextWords(c string) string {
	if c == "" {
		return "none"
	}
	return "signing in again at the provider: " + strings.Join(strings.Fields(c), " or ")
}

func extensionWords(e ExtensionApproval) string {
	return choose(e == ExtensionFree, "none", "as for the activation")
}

func leadWords(d time.Duration) string {
	if d == 0 {
		return "not at all"
	}
	return "up to " + formatLead(d)
}

func countWords(n int) string {
	switch n {
	case 0:
		return "nobody"
	case 1:
		return "1 named"
	default:
		return fmt.Sprintf("%d named", n)
	}
}

// FormatDays writes a long length: whole days where it is that, "365 days".
func FormatDays(d time.Duration) string { return formatLead(d) }

// Demands are what somebody needs to activate, in the order the form asks: "passkey", "reason", "approval by one of 5".
func (s Settings) Demands(approvers int) (out []string) {
	add := func(on bool, what string) {
		if on {
			out = append(out, what)
		}
	}
	add(s.StepUp == StepUpPasskey, "passkey")
	add(s.StepUp == StepUpAttested, "passkey that stays on its device, of a trusted make")
	add(s.Context != "", "sign-in again at the provider ("+strings.Join(s.Contexts(), " or ")+")")
	add(s.Justification, "reason")
	add(s.Ticket, "ticket number")
	switch {
	case !s.Approval:
	case approvers == 0:
		out = append(out, "approval, which nobody could give")
	case approvers == 1:
		out = append(out, "approval by 1 person")
	default:
		out = append(out, fmt.Sprintf("approval by one of %d", approvers))
	}
	return out
}

// Summary says in one line what activating takes: "passkey, reason, approval by one of 5; at most 4 h".
func (s Settings) Summary(approvers int) string {
	what := strings.Join(s.Demands(approvers), ", ")
	if what == "" {
		what = "nothing more"
	}
	return what + "; at most " + FormatDuration(s.MaxDuration)
}
