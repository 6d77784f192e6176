package pim

import (
	"fmt"
	"strings"
)

// Words are a reason as it is read: of a use looked at over so many days; place is the name of the one resource it was used at.
func (b Because) Words(u ReviewUse, days int, place string) string {
	period := Plural(int64(days), "day", "days")
	switch b {
	case BecauseUsed:
		return Plural(int64(u.Uses), "activation", "activations") + " in " + period
	case BecauseUnused:
		return "Not activated in " + period
	case BecauseNeverUsed:
		return "Never activated"
	case BecauseNew:
		return "Assigned too lately to tell"
	case BecausePeersUse:
		return fmt.Sprintf("%d of %d others of the same department and job use it", u.PeersUse, u.Peers)
	case BecausePeersDoNot:
		return fmt.Sprintf("None of %d others of the same department and job uses it", u.Peers)
	case BecauseNotSeen:
		return "Did not sign in to Stint in " + period
	case BecauseSeen:
		return "Signed in to Stint in " + period
	case BecauseDisabled:
		return "Cannot sign in any more"
	case BecauseMoved:
		return "Another " + u.Moved + " since the last review"
	case BecauseStanding:
		return "Held all the time: eligible would be enough"
	case BecausePermanent:
		return "Eligible without an end"
	case BecauseNarrower:
		return "Used at " + place + " alone"
	case BecauseNotMeasurable:
		return "Nobody activates it, so that its use cannot be measured"
	}
	return ""
}

// WordsOf are the reasons of a recommendation as the reason of an answer that accepts it: each item keeps its own.
func (u ReviewUse) WordsOf(days int, place string) string {
	var list []string
	for _, b := range u.Because {
		if text := b.Words(u, days, place); text != "" {
			list = append(list, text)
		}
	}
	if len(list) == 0 {
		return "As recommended."
	}
	text := "As recommended: " + strings.Join(list, "; ") + "."
	if r := []rune(text); len(r) > MaxJustification {
		return string(r[:MaxJustification-1]) + "…"
	}
	return text
}
