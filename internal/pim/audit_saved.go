package pim

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of the searches of the audit log that a person keeps.
const (
	MaxAuditSearches = 20
	MaxAuditSearch   = 2000 // bytes of its filters
)

// AuditSearch is a search of the audit log under a name, such as "Approvals of last quarter".
type AuditSearch struct {
	ID          string
	PrincipalID string
	Name        string
	Filters     string // as the address holds them; relative times stay relative
	CreatedAt   time.Time
	Version     int64
}

// Check refuses a search that cannot be kept.
func (s AuditSearch) Check() *Refusal {
	switch {
	case !Visible(s.Name):
		return Invalid("name", "Give the search a name, such as Approvals of last quarter.")
	case utf8.RuneCountInString(s.Name) > MaxSetName:
		return Invalid("name", "At most %d characters for the name; shorten it.", MaxSetName)
	case !readable(s.Name) || strings.ContainsAny(s.Name, "\r\n\t"):
		return Invalid("name", "Use plain text on one line.")
	case s.Filters == "":
		return Invalid("name", "Choose a filter first: this is the whole log.")
	case len(s.Filters) > MaxAuditSearch:
		return Invalid("name", "This search is too long to keep. Shorten a filter.")
	}
	return nil
}
