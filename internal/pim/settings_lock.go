package pim

import (
	"fmt"
	"time"
)

// SettingsLock is how long whoever loosened the settings of a privileged role does not activate it there, where another
// administrator is able to (THREATS T21).
const SettingsLock = 24 * time.Hour

// ActionSaveSettings is what a touch over a change of settings confirms.
const ActionSaveSettings StepUpAction = "settings.save"

// RuleSettingsLock keeps the editor of loosened settings out of the role.
const RuleSettingsLock Rule = "settings_lock"

func (f ActivationFacts) locked() bool { return f.Now.Before(f.LockedUntil) }

func lockVerdict(f ActivationFacts) Verdict {
	return Verdict{Rule: RuleSettingsLock, State: No, Message: fmt.Sprintf(
		"You made the settings of this role less strict, so you cannot activate it before %s. Somebody else can meanwhile.", FormatInstant(f.LockedUntil))}
}
