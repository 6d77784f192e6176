package web

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// peopleRows is a page of people and where the next one goes on; note says how far a search looked.
type peopleRows struct {
	rows       []views.PersonRow
	next, note string
}

// peopleIn is a page of people.
func peopleIn(r *store.Reader, page store.PrincipalPage) (out peopleRows, err error) {
	page.Limit = pageSize + 1
	people, searched, err := r.SearchPeople(page)
	if err != nil {
		return out, err
	}
	out.next, out.note = onFrom(searched)
	if len(people) > pageSize {
		people = people[:pageSize]
		out.next = nameCursor(people[pageSize-1].ID, people[pageSize-1].Name)
	}
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	uses, err := r.PeopleUses(ids)
	for _, p := range people {
		u := uses[p.ID]
		out.rows = append(out.rows, views.PersonRow{Person: personView(p), Enabled: p.Enabled, Guest: p.Guest, SignedIn: p.LastSeenAt,
			Passkeys: u.Passkeys, Eligible: u.Eligible, Active: u.Active, ToConfirm: u.ToConfirm})
	}
	return out, err
}

// onFrom is where a search goes on that looked at all it may on one page, and the words for it.
func onFrom(s store.Searched) (next, note string) {
	if s.ID == "" {
		return "", ""
	}
	note = "Searched as far as " + s.Name
	if s.Begun {
		note += "; after that only how names and addresses begin"
	}
	return nameCursor(s.ID, s.Name), note
}

// personHead is what every page of a person begins with.
func personHead(r *store.Reader, q *request, p pim.Principal) (views.PersonHead, error) {
	h := views.PersonHead{Who: personView(p), Enabled: p.Enabled, Guest: p.Guest}
	if !q.powers.Administrator {
		return h, nil
	}
	var err error
	h.CanEdit, err = broker.Editable(r, p)
	return h, err
}

// personIn is a person's first page: what they hold, with which accounts, and who they are.
func personIn(r *store.Reader, q *request, p pim.Principal) (v views.PersonView, err error) {
	if v.Person, err = personHead(r, q, p); err != nil {
		return v, err
	}
	v.SignedIn, v.Facts, v.CanManage = p.LastSeenAt, identityFacts(p), q.powers.Administrator
	if err := relations(r, p, &v); err != nil {
		return v, err
	}
	if v.Waiting, err = recoveryOf(r, q, p); err != nil {
		return v, err
	}
	h, err := loadHoldings(r, p)
	if err != nil {
		return v, err
	}
	v.Holds = h.rows()
	v.Accounts, err = accountRows(r, p, h)
	return v, err
}

// accessIn is a person's passkeys and linked accounts, and what may be done about them.
func accessIn(r *store.Reader, q *request, p pim.Principal) (v views.PersonAccessView, err error) {
	if v.Person, err = personHead(r, q, p); err != nil {
		return v, err
	}
	v.FromFile, v.Self, v.CanManage = p.Source == pim.SourceFile, p.ID == q.who.ID, q.powers.Administrator
	if v.Keys, err = personKeys(r, p.ID); err != nil {
		return v, err
	}
	ever, err := r.EverHadCredential(p.ID)
	if err != nil {
		return v, err
	}
	if v.Same, err = otherAccounts(r, p); err != nil {
		return v, err
	}
	v.Waiting, err = recoveryOf(r, q, p)
	v.VoucherWhy, v.Recover = voucherWhy(p, len(v.Keys), ever), ever && p.Enabled && v.Waiting == nil
	return v, err
}

func orNotFound(err error) error {
	if err == nil {
		return pim.NotFound()
	}
	return err
}

// voucherWhy says why no voucher can be issued, or "": a further passkey is confirmed with one that is there.
func voucherWhy(p pim.Principal, keys int, ever bool) string {
	switch {
	case !p.Enabled:
		return "Enable " + p.Name + " first: a disabled person cannot sign in."
	case keys > 0:
		return p.Name + " has a passkey, so a further one is confirmed with it."
	case ever:
		return p.Name + " had a passkey before, so two administrators replace it."
	}
	return ""
}

var sourceWords = map[pim.Source]string{pim.SourceFile: "the file", pim.SourceSignIn: "sign-in", pim.SourceBrowser: "this portal", pim.SourceDirectory: "the directory",
	pim.SourceLink: "an administrator’s link", pim.SourceBuiltin: "Stint itself"}

func identityFacts(p pim.Principal) []views.Detail {
	var out []views.Detail
	add := func(term, value string, code bool) {
		if value != "" {
			out = append(out, views.Detail{Term: term, Value: value, Code: code})
		}
	}
	add("Mail", p.Email, false)
	add("Department", p.Department+givenBy(p, pim.AttrDepartment, p.Department), false)
	add("Title", p.Title+givenBy(p, pim.AttrTitle, p.Title), false)
	add("Known from", sourceWords[p.Source], false)
	add("Id in the file", p.Key, true)
	if p.Subject == "" && p.MatchClaim != "" {
		add("Binds by", p.MatchClaim+" = "+p.MatchValue, true)
	}
	add("Issuer", p.Issuer, false)
	add("Subject", p.Subject, true)
	return out
}

func personKeys(r *store.Reader, id string) ([]views.PersonKey, error) {
	rule, err := broker.KeyRule(r)
	if err != nil {
		return nil, err
	}
	keys, err := r.CredentialsOf(id)
	var out []views.PersonKey
	for _, k := range keys {
		out = append(out, views.PersonKey{Name: k.Name, Synced: k.BackedUp, Attested: rule.Counts(k), CreatedAt: k.CreatedAt, LastUsed: k.LastUsedAt})
	}
	return out, err
}

// accountRows says who the person is at each target.
func accountRows(r *store.Reader, p pim.Principal, h holdings) ([]views.AccountRow, error) {
	accounts, err := r.AccountsOf(p.ID)
	if err != nil {
		return nil, err
	}
	book, err := loadAccountBook(r, p.ID)
	if err != nil {
		return nil, err
	}
	var by []string
	for _, a := range accounts {
		by = append(by, a.ConfirmedBy, a.TakenBy)
	}
	people, err := r.Names(by)
	if err != nil {
		return nil, err
	}
	var out []views.AccountRow
	for _, a := range accounts {
		row := views.AccountRow{ID: a.ID, Target: book.targets[a.TargetID], TargetID: a.TargetID, Name: a.Name, ImmutableID: a.ExternalID,
			Matched: "by a claim at sign-in", Confirmed: a.ConfirmedAt, By: people[a.ConfirmedBy], Missing: a.ExternalID == ""}
		switch a.Source {
		case pim.SourceFile:
			row.Matched = "as written in the file"
		case pim.SourceBrowser:
			row.Matched = "by its name, looked up at the target"
		}
		if a.ConfirmedBy == pim.System {
			row.By = "the file"
		}
		if row.Missing {
			row.ImmutableID = "not found yet"
			if a.TakenBy != "" {
				row.ImmutableID = "the account of " + people[a.TakenBy] + ", so not taken over"
			}
		}
		if !a.Confirmed() {
			row.Needed = h.waitingFor(book, a.TargetID)
		}
		out = append(out, row)
	}
	return out, nil
}

// holdings is what one person holds, waits for and may activate.
type holdings struct {
	names
	who              pim.Principal
	open             []pim.Activation
	active, eligible []pim.Assignment
	groups           map[string]string // every group the person is in, and the person
	privileged       map[string]bool   // by role
}

func loadHoldings(r *store.Reader, p pim.Principal) (h holdings, err error) {
	h.who = p
	all, err := r.OpenActivationsOf(p.PersonID)
	if err != nil {
		return h, err
	}
	var i ids
	for _, a := range all {
		if a.PrincipalID == p.ID {
			h.open = append(h.open, a)
			i.activation(a)
		}
	}
	if h.active, err = r.AssignmentsFor(p.ID, pim.Active); err != nil {
		return h, err
	}
	if h.eligible, err = r.AssignmentsFor(p.ID, pim.Eligible); err != nil {
		return h, err
	}
	for _, a := range append(h.active[:len(h.active):len(h.active)], h.eligible...) {
		i.roles, i.resources = append(i.roles, a.RoleID), append(i.resources, a.ResourceID)
	}
	if h.names, err = namesOf(r, i); err != nil {
		return h, err
	}
	groups, err := r.GroupsOf(p.ID)
	if err != nil {
		return h, err
	}
	if h.groups, err = r.Names(groups); err != nil {
		return h, err
	}
	roles, err := r.Roles()
	h.privileged = map[string]bool{}
	for _, role := range roles {
		h.privileged[role.ID] = role.Privileged
	}
	return h, err
}

// rows are the person's roles: held now, waiting, then eligible.
func (h holdings) rows() []views.HeldRole {
	var out []views.HeldRole
	for _, a := range h.open {
		row := views.HeldRole{Role: h.role(a.RoleID, a.ResourceID), State: "waits for approval", Tone: views.Warn}
		if a.State.Holds() {
			row.State, row.Tone, row.Until = "active", views.OK, a.EndsAt
			if a.State == pim.Provisioning {
				row.State, row.Tone = "granting", views.Info
			}
		}
		out = append(out, row)
	}
	for _, a := range h.active {
		out = append(out, h.assigned(a, "active", views.OK))
	}
	for _, a := range h.eligible {
		out = append(out, h.assigned(a, "eligible", views.Neutral))
	}
	return out
}

// assigned says until when and through which group.
func (h holdings) assigned(a pim.Assignment, state string, tone views.Tone) views.HeldRole {
	row := views.HeldRole{Role: h.role(a.RoleID, a.ResourceID), State: state, Until: a.EndsAt, Tone: tone}
	if a.PrincipalID != h.who.ID {
		row.Through = h.groups[a.PrincipalID]
	}
	return row
}

// sortedByName lists the ids of a map of names, ordered by name.
func sortedByName(names map[string]string) []string {
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Or(cmp.Compare(names[a], names[b]), cmp.Compare(a, b)) })
}

// waitingFor counts the privileged roles that cannot be activated before the account at a target is confirmed.
func (h holdings) waitingFor(book accountBook, targetID string) (n int) {
	for _, a := range h.eligible {
		reaches := func(need pim.AccountNeed) bool { return need.TargetID == targetID }
		if h.privileged[a.RoleID] && slices.ContainsFunc(book.needs(a.RoleID, a.ResourceID), reaches) {
			n++
		}
	}
	return n
}

// givenBy says that an attribute came from the provider's claims, where others came from where the person did.
func givenBy(p pim.Principal, a pim.Attribute, value string) string {
	if value == "" || !p.ClaimGave(a) || p.Source == pim.SourceSignIn {
		return ""
	}
	return " (from sign-in)"
}

// relations fills who a person has to do with: manager, groups, other accounts, a recovery that waits.
func relations(r *store.Reader, p pim.Principal, v *views.PersonView) error {
	if p.ManagerID != "" {
		m, err := r.Principal(p.ManagerID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			v.Manager = views.Person{ID: m.ID, Name: m.Name, Detail: strings.TrimSpace(givenBy(p, pim.AttrManager, m.Name))}
		}
	}
	groups, err := r.DirectGroupsOf(p.ID)
	if err != nil {
		return err
	}
	for _, g := range groups {
		v.Groups = append(v.Groups, memberRow(r, g))
	}
	return nil
}

func otherAccounts(r *store.Reader, p pim.Principal) (out []views.Person, err error) {
	same, err := r.PeopleOf(p.PersonID)
	for _, other := range same {
		if other.ID != p.ID {
			out = append(out, personView(other))
		}
	}
	return out, err
}

func recoveryOf(r *store.Reader, q *request, p pim.Principal) (*views.Waiting, error) {
	asked, err := r.OpenRecovery(p.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	by, err := r.Names([]string{asked.AskedBy})
	return &views.Waiting{ID: asked.ID, By: views.Person{ID: asked.AskedBy, Name: by[asked.AskedBy]}, Reason: asked.Reason, Expires: asked.ExpiresAt, Yours: asked.AskedBy == q.who.ID}, err
}
