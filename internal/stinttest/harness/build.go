package stinttest

import (
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// Resources of every World: a directory, and a system below it where roles are held.
const (
	Directory  = "dir"  // the target
	Northwind  = "org"  // its root
	Production = "prod" // below the root
)

func (w *World) seed() {
	w.Do(func(tx *store.Tx) error {
		t := pim.Target{ID: Directory, Key: Directory, Kind: faketarget.Kind, Name: "Directory", Settings: w.Target.Settings(), MayWrite: []string{"*"}, Source: pim.SourceFile}
		if err := tx.InsertTarget(store.TargetRow{Target: t}); err != nil {
			return err
		}
		if err := tx.InsertResource(pim.Resource{ID: Northwind, Key: Northwind, Kind: "organisation", Name: "Northwind", TargetID: Directory, Source: pim.SourceFile}); err != nil {
			return err
		}
		return tx.InsertResource(pim.Resource{ID: Production, Key: Production, ParentID: Northwind, Kind: "group", Name: "Production", Source: pim.SourceFile})
	})
}

// Person makes somebody with a confirmed account at the directory; the name is also their id and subject.
func (w *World) Person(id string) *Person {
	w.Helper()
	account := w.Target.AddAccount(id)
	w.Do(func(tx *store.Tx) error {
		err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Key: id, Name: id, Email: id + "@northwind.example", Issuer: w.Provider.Issuer, Subject: id,
			PersonID: id, Enabled: true, Source: pim.SourceFile})
		if err != nil {
			return err
		}
		return tx.InsertAccount(pim.Account{ID: "account-of-" + id, PrincipalID: id, TargetID: Directory, Name: id, ExternalID: string(account),
			ConfirmedAt: tx.Now, ConfirmedBy: pim.System, Source: pim.SourceFile})
	})
	p := &Person{World: w, ID: id, Account: account, Passkey: passkey.New(w.URL, "localhost")}
	p.Client = w.Client()
	w.people[id] = p
	return p
}

// Group makes a group of people and groups.
func (w *World) Group(id string, members ...string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Group, Key: id, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile})
		for _, m := range members {
			if err == nil {
				err = tx.AddMember(pim.Membership{GroupID: id, MemberID: m, Source: pim.SourceFile})
			}
		}
		return err
	})
}

// Rules are a role's settings as a test states them; the zero value is the default of BEHAVIOUR §2.1.
type Rules struct {
	Max, Default time.Duration
	NoPasskey    bool
	Context      string // acr values of a sign-in again at the provider
	Attested     bool   // a passkey that stays on its device, of a trusted make
	NoReason     bool
	Ticket       bool
	Approvers    []string // set: approval is asked for
	Timeout      time.Duration
	Privileged   bool
}

// Role makes a role that is membership in a group of the same name, on Production.
func (w *World) Role(id string, rules Rules) connector.EntitlementID {
	w.Helper()
	entitlement := w.Target.AddEntitlement(id)
	w.Do(func(tx *store.Tx) error {
		if err := tx.InsertRole(pim.RoleDefinition{ID: id, Key: id, Name: id, Privileged: rules.Privileged, Source: pim.SourceFile}); err != nil {
			return err
		}
		tx.Emit(pim.Event{Type: pim.EvRoleSaved, Actor: pim.System, RoleID: id, ObjectID: id, Result: pim.OK})
		return tx.SaveMeaning(pim.Meaning{RoleID: id, ResourceID: Production, Name: id, EntitlementID: string(entitlement)})
	})
	w.Rules(id, rules)
	return entitlement
}

// Rules changes a role's settings.
func (w *World) Rules(roleID string, rules Rules) {
	w.Helper()
	s := pim.RoleSettings{RoleID: roleID, Source: pim.SourceFile}
	if rules.Max > 0 {
		s.MaxDuration = &rules.Max
	}
	if rules.Default > 0 {
		s.DefaultDuration = &rules.Default
	}
	if rules.Timeout > 0 {
		s.ApprovalTimeout = &rules.Timeout
	}
	if rules.NoPasskey {
		none := pim.StepUpNone
		s.StepUp = &none
	}
	if rules.Context != "" {
		s.Context = &rules.Context
	}
	if rules.Attested {
		attested := pim.StepUpAttested
		s.StepUp = &attested
	}
	reason, approval := !rules.NoReason, len(rules.Approvers) > 0
	s.Justification, s.Ticket, s.Approval, s.Approvers = &reason, &rules.Ticket, &approval, rules.Approvers
	w.Do(func(tx *store.Tx) error {
		tx.Emit(pim.Event{Type: pim.EvSettingsSaved, Actor: pim.System, RoleID: roleID, ObjectID: roleID, Result: pim.OK})
		return tx.SaveSettings(s)
	})
}

// Eligible lets a person or group activate a role on Production; it returns the assignment's id. An
// until in the past or zero is without end.
func (w *World) Eligible(principal, role string, until time.Time) string {
	return w.assign(principal, role, Production, pim.Eligible, until)
}

// Administrator makes somebody hold Privileged Role Administrator without activating it.
func (w *World) Administrator(principal string) {
	w.assign(principal, pim.RoleAdministrator, pim.StintResource, pim.Active, time.Time{})
}

// Auditor makes somebody hold Auditor without activating it.
func (w *World) Auditor(principal string) {
	w.assign(principal, pim.RoleAuditor, pim.StintResource, pim.Active, time.Time{})
}

// Owner makes somebody hold Resource Administrator on a resource without activating it.
func (w *World) Owner(principal, resource string) {
	w.assign(principal, pim.RoleOwner, resource, pim.Active, time.Time{})
}

// SecurityReader makes somebody hold Security Reader without activating it.
func (w *World) SecurityReader(principal string) {
	w.assign(principal, pim.RoleReader, pim.StintResource, pim.Active, time.Time{})
}

func (w *World) assign(principal, role, resource string, kind pim.AssignmentKind, until time.Time) string {
	w.Helper()
	id := principal + "-" + role
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: id, PrincipalID: principal, RoleID: role, ResourceID: resource, Kind: kind, StartsAt: tx.Now, EndsAt: until, Source: pim.SourceFile})
	})
	return id
}

// Activation returns an activation as it is now.
func (w *World) Activation(id string) pim.Activation {
	w.Helper()
	return Read(w, func(r *store.Reader) (pim.Activation, error) { return r.Activation(id) })
}

// DisablePerson does what an administrator does, without one.
func (w *World) DisablePerson(id string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		p, err := tx.Principal(id)
		if err != nil {
			return err
		}
		p.Enabled = false
		return tx.UpdatePrincipal(p)
	})
}

// ForgetAccount removes somebody's account at the directory from Stint.
func (w *World) ForgetAccount(id string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error { return tx.RemoveAccount("account-of-" + id) })
}

// SamePerson links two principals as one human.
func (w *World) SamePerson(id, as string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		p, err := tx.Principal(id)
		if err != nil {
			return err
		}
		p.PersonID = as
		return tx.UpdatePrincipal(p)
	})
}

// ShareAccount gives one principal the account of another, unlinked as it may come from a file.
func (w *World) ShareAccount(id, with string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		mine, err := tx.AccountAt(id, Directory)
		if err != nil {
			return err
		}
		theirs, err := tx.AccountAt(with, Directory)
		if err != nil {
			return err
		}
		mine.ExternalID = theirs.ExternalID
		return tx.UpdateAccount(mine)
	})
}

// Join puts somebody into a group.
func (w *World) Join(group, member string) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		return tx.AddMember(pim.Membership{GroupID: group, MemberID: member, Source: pim.SourceFile})
	})
}
