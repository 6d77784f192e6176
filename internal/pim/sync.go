package pim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What a touch confirms here.
const (
	ActionSaveSync    StepUpAction = "sync.save"
	ActionRemoveSync  StepUpAction = "sync.remove"
	ActionConfirmSync StepUpAction = "sync.confirm"
)

// What happens to a directory sync; what it does to people are events of people.
const (
	EvSyncSaved     EventType = "sync.saved"
	EvSyncRemoved   EventType = "sync.removed"
	EvSyncRequested EventType = "sync.requested"
	EvSyncConfirmed EventType = "sync.confirmed" // an administrator lets one run take away more than its share
	EvSyncStarted   EventType = "sync.started"
	EvSyncCompleted EventType = "sync.completed"
	EvSyncStopped   EventType = "sync.stopped"
	EvSyncFailed    EventType = "sync.failed"
	EvSyncLeft      EventType = "sync.left" // members of a group that no directory feeds any more stay as if added by hand
	EvSyncKept      EventType = "sync.kept" // somebody whom the directory disabled and who is needed here
)

// Bounds of a directory sync.
const (
	SyncMaxPeople = 500_000 // of one directory: what a run may take of memory
	SyncFew       = 3       // so many may always go, however small the directory is
	SyncShare     = 10      // percent of the known people that may go in one run, unless set otherwise
	SyncMaxHours  = 24 * 7
)

// SyncSettings say whom a directory sync reads, what of them, and when. Attributes may be several with commas between:
// the first with a value counts.
type SyncSettings struct {
	Base         string      `json:"base"`
	Filter       string      `json:"filter"`
	Name         string      `json:"name"`
	Email        string      `json:"email"`
	Department   string      `json:"department"`
	Title        string      `json:"title"`
	Manager      string      `json:"manager"`
	Guest        string      `json:"guest"`
	GuestWhen    string      `json:"guest_when"`
	Disabled     string      `json:"disabled"`
	DisabledWhen string      `json:"disabled_when"`
	Match        string      `json:"match"`  // attribute that holds the value of Claim, or the subject at Issuer
	Claim        string      `json:"claim"`  // binds somebody at their first sign-in; empty: Issuer
	Issuer       string      `json:"issuer"` // where Match is the subject
	Groups       []SyncGroup `json:"groups"`
	EveryHours   int         `json:"every_h"`   // 0: on demand only
	MaxShare     int         `json:"max_share"` // percent that may be disabled in one run
}

// SyncGroup makes a directory group's direct members members of a group in Stint.
type SyncGroup struct {
	Directory string `json:"directory"` // the group's name or DN there
	ID        string `json:"id"`        // its immutable id
	GroupID   string `json:"group_id"`
	By        string `json:"by,omitempty"` // who named it
}

// SyncDefaults are the usual settings of a kind of directory.
func SyncDefaults(activeDirectory bool) SyncSettings {
	s := SyncSettings{Name: "displayName, cn", Email: "mail", Title: "title", Manager: "manager", MaxShare: SyncShare, EveryHours: 24}
	if activeDirectory {
		s.Filter, s.Department, s.Match = "(&(objectCategory=person)(objectClass=user))", "department", "userPrincipalName"
		s.Disabled, s.DisabledWhen = "userAccountControl", "bit 2"
		return s
	}
	s.Filter, s.Department, s.Match = "(objectClass=inetOrgPerson)", "departmentNumber", "uid"
	s.Disabled, s.DisabledWhen = "pwdAccountLockedTime", "000001010000Z"
	return s
}

// Attributes lists what is read of each entry.
func (s SyncSettings) Attributes() (out []string) {
	seen := map[string]bool{}
	for _, list := range []string{s.Name, s.Email, s.Department, s.Title, s.Guest, s.Disabled, s.Match} {
		for _, a := range attributesIn(list) {
			if !seen[strings.ToLower(a)] {
				seen[strings.ToLower(a)] = true
				out = append(out, a)
			}
		}
	}
	return out
}

func attributesIn(list string) (out []string) {
	for a := range strings.SplitSeq(list, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// Reads reports whether two settings read the same people in the same way, whatever their schedule.
func (s SyncSettings) Reads(other SyncSettings) bool {
	s.EveryHours, s.MaxShare = other.EveryHours, other.MaxShare
	return fmt.Sprint(s) == fmt.Sprint(other)
}

// Check refuses settings that cannot be kept. What only the directory knows is not looked at.
func (s SyncSettings) Check() *Refusal {
	for field, text := range map[string]string{"base": s.Base, "filter": s.Filter, "name": s.Name, "email": s.Email, "department": s.Department, "title": s.Title, "manager": s.Manager,
		"guest": s.Guest, "guest_when": s.GuestWhen, "disabled": s.Disabled, "disabled_when": s.DisabledWhen, "match": s.Match, "claim": s.Claim, "issuer": s.Issuer} {
		if utf8.RuneCountInString(text) > 1000 || !readable(text) || strings.ContainsAny(text, "\r\n\t") {
			return Invalid(field, "Use at most 1000 characters of plain text on one line.")
		}
	}
	switch {
	case s.Filter == "":
		return Invalid("filter", "Say who is meant, such as (objectClass=person).")
	case len(attributesIn(s.Name)) == 0:
		return Invalid("name", "Give the attribute that holds people’s names.")
	case len(attributesIn(s.Match)) != 1:
		return Invalid("match", "Give the one attribute that people are recognised by when they sign in.")
	case len(attributesIn(s.Manager)) > 1 || len(attributesIn(s.Disabled)) > 1 || len(attributesIn(s.Guest)) > 1:
		return Invalid("manager", "Manager, guest and disabled are one attribute each.")
	case (s.Claim == "") == (s.Issuer == ""):
		return Invalid("claim", "Give the claim that binds people at their first sign-in, or the issuer whose subjects the directory knows.")
	case s.EveryHours < 0 || s.EveryHours > SyncMaxHours:
		return Invalid("every", "From 1 to %d hours; 0 to sync on demand only.", SyncMaxHours)
	case s.MaxShare < 0 || s.MaxShare > 100:
		return Invalid("share", "From 0 to 100 percent.")
	case (s.Disabled == "") != (s.DisabledWhen == ""):
		return Invalid("disabled", "Say which attribute tells who is disabled, and by which value.")
	case (s.Guest == "") != (s.GuestWhen == ""):
		return Invalid("guest", "Say which attribute tells who is a guest, and by which value.")
	}
	for field, when := range map[string]string{"disabled_when": s.DisabledWhen, "guest_when": s.GuestWhen} {
		if bit, ok := strings.CutPrefix(when, "bit "); ok {
			if n, err := strconv.ParseInt(bit, 10, 64); err != nil || n <= 0 {
				return Invalid(field, "A bit is written as its value, such as bit 2.")
			}
		}
	}
	return nil
}

// SyncedPerson is what a directory says of one person.
type SyncedPerson struct {
	ID         string `json:"i"` // immutable id there
	Where      string `json:"-"` // DN, for people to read
	Key        string `json:"-"`
	Name       string `json:"n"`
	Email      string `json:"e,omitempty"`
	Department string `json:"d,omitempty"`
	Title      string `json:"t,omitempty"`
	Manager    string `json:"m,omitempty"` // key of the manager's entry
	Match      string `json:"c"`
	Guest      bool   `json:"g,omitempty"`
	Disabled   bool   `json:"x,omitempty"`
}

// Read makes a person of an entry's values. problem says why it cannot be done; such an entry changes nothing and
// is not missing either.
func (s SyncSettings) Read(values func(attribute string) []string) (p SyncedPerson, problem string) {
	first := func(list string, most int) string {
		for _, a := range attributesIn(list) {
			for _, v := range values(a) {
				if v = strings.TrimSpace(v); v != "" && utf8.RuneCountInString(v) <= most && readable(v) && !strings.ContainsAny(v, "\r\n\t") {
					return v
				}
			}
		}
		return ""
	}
	p = SyncedPerson{Name: first(s.Name, 120), Email: first(s.Email, 254), Department: first(s.Department, 200), Title: first(s.Title, 200), Match: first(s.Match, 200)}
	if strings.ContainsAny(p.Email, " <>,;") || !strings.Contains(p.Email, "@") {
		p.Email = ""
	}
	var disabled, guest bool
	var known bool
	if disabled, known = says(values, s.Disabled, s.DisabledWhen); !known {
		return p, "does not show whether it is disabled (" + s.Disabled + ")"
	}
	if guest, known = says(values, s.Guest, s.GuestWhen); !known {
		return p, "does not show whether it is a guest (" + s.Guest + ")"
	}
	p.Disabled, p.Guest = disabled, guest
	switch {
	case !Visible(p.Name):
		return p, "has no name that can be shown (" + s.Name + ")"
	case p.Match == "":
		return p, "has nothing to be recognised by at sign-in (" + s.Match + ")"
	}
	return p, ""
}

// says reports whether an attribute has a value that counts. Of a bit mask nothing is known where it is not shown
// or no number: absent is not empty.
func says(values func(string) []string, attribute, when string) (yes, known bool) {
	if attribute == "" {
		return false, true
	}
	have := values(attribute)
	if bit, ok := strings.CutPrefix(when, "bit "); ok {
		mask, _ := strconv.ParseInt(bit, 10, 64)
		if len(have) != 1 {
			return false, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(have[0]), 10, 64)
		return n&mask != 0, err == nil
	}
	for _, v := range have {
		for w := range strings.SplitSeq(when, ",") {
			if w = strings.TrimSpace(w); w == "*" || strings.EqualFold(v, w) {
				return true, true
			}
		}
	}
	return false, true
}

// SyncState is where a run is.
type SyncState string

const (
	SyncRunning SyncState = "running"
	SyncDone    SyncState = "done"
	SyncStopped SyncState = "stopped" // read as a whole, and nothing changed: too many would go
	SyncFailed  SyncState = "failed"
)

// SyncCounts is what a run found, or did.
type SyncCounts struct {
	Read     int `json:"read"`
	Added    int `json:"added"`
	Changed  int `json:"changed"`
	Disabled int `json:"disabled"` // disabled in the directory
	Missing  int `json:"missing"`  // gone from it
	Enabled  int `json:"enabled"`  // again, whom the sync had disabled
	Kept     int `json:"kept"`     // not disabled, for they are needed
	Skipped  int `json:"skipped"`  // entries that could not be used
	Joined   int `json:"joined"`
	Left     int `json:"left"`

	LongestMS int64 `json:"longest_ms"` // the longest write
}

// Losing is how many people a run would disable.
func (c SyncCounts) Losing() int { return c.Disabled + c.Missing }

// Stop says why a run must not change anything, or "". known is how many enabled people the sync knew before;
// allowed is how many an administrator let go in this one run.
func (s SyncSettings) Stop(c SyncCounts, known, allowed int) string {
	share := max(s.MaxShare, 0)
	switch {
	case c.Read == 0:
		return "The directory answered with nobody at all."
	case c.Losing() <= max(known*share/100, SyncFew, allowed):
		return ""
	}
	why := fmt.Sprintf("%s disabled in the directory and %s gone from it", Plural(int64(c.Disabled), "is", "are"), Plural(int64(c.Missing), "is", "are"))
	switch {
	case c.Disabled == 0:
		why = "they are gone from the directory"
	case c.Missing == 0:
		why = "they are disabled in the directory"
	}
	return fmt.Sprintf("%s of %s would be disabled: %s. At most %d percent may go in one run.", Count(int64(c.Losing())), Plural(int64(known), "person", "people"), why, share)
}

// NextSync is when a sync is due again; zero: on demand only.
func (s SyncSettings) NextSync(begun time.Time) time.Time {
	if s.EveryHours == 0 {
		return time.Time{}
	}
	return begun.Add(time.Duration(s.EveryHours) * time.Hour)
}

// TakeDirectory sets what a directory says of somebody it owns.
func (p Principal) TakeDirectory(d SyncedPerson, managerID string) Principal {
	if p.Source == SourceSignIn {
		p.Source = SourceDirectory // the directory knows them better; what claims gave stays where it says nothing
	}
	if p.Source != SourceDirectory {
		return p
	}
	if managerID == p.ID {
		managerID = ""
	}
	p.Name = d.Name
	if d.Email != "" || p.Subject == "" {
		p.Email = d.Email
	}
	return p.Give(d.Department, d.Title, managerID, d.Guest)
}

// Changes tells field by field what differs between two states of a person, in words.
func (p Principal) Changes(next Principal, names func(id string) string) (out []string) {
	text := func(what, old, now string) {
		if old != now {
			out = append(out, what+": "+orNone(old)+" → "+orNone(now))
		}
	}
	text("name", p.Name, next.Name)
	text("e-mail", p.Email, next.Email)
	text("department", p.Department, next.Department)
	text("job title", p.Title, next.Title)
	if p.ManagerID != next.ManagerID {
		out = append(out, "manager: "+orNone(names(p.ManagerID))+" → "+orNone(names(next.ManagerID)))
	}
	if p.Guest != next.Guest {
		out = append(out, fmt.Sprintf("guest: %t → %t", p.Guest, next.Guest))
	}
	text("recognised by", p.MatchValue, next.MatchValue)
	if p.Source != next.Source {
		out = append(out, "kept by the directory from now on")
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
