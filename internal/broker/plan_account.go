package broker

import (
	"errors"
	"slices"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

// planAccounts: an account whose name changed is another account, looked up anew; what was held at the old one
// is taken away.
func (p *planner) planAccounts() {
	type key struct{ person, target string }
	have, want := map[key]pim.Account{}, map[key]bool{}
	for _, a := range p.accounts {
		have[key{a.PrincipalID, a.TargetID}] = a
	}
	for _, f := range p.doc.Accounts {
		k := key{p.id[f.Holder()], p.id["target/"+f.Target]}
		want[k] = true
		row, known := have[k]
		switch {
		case !known:
			p.addAccount(f, k.person, k.target, "")
		case row.Name != f.Account:
			p.dropAccount(row)
			p.addAccount(f, k.person, k.target, " instead of \""+row.Name+"\"")
		case row.Source != pim.SourceFile || !row.Confirmed():
			row.Source = pim.SourceFile
			p.step(stageAccounts, "~", f.Pos, emit(accountEvent(pim.EvAccountConfirmed, row), func(a *applying) error {
				row := row
				row.ConfirmedAt, row.ConfirmedBy = a.tx.Now, pim.System
				return a.tx.UpdateAccount(row)
			}), "account %s at target/%s: %q, confirmed by the file", f.Holder(), f.Target, f.Account)
		}
	}
	for _, row := range p.accounts {
		switch {
		case want[key{row.PrincipalID, row.TargetID}]:
		case row.Source != pim.SourceFile && !p.leaving[row.PrincipalID] && !p.leaving[row.TargetID]:
			p.keep(row.Source, "account "+p.label[row.PrincipalID]+" at "+p.label[row.TargetID])
		default:
			p.dropAccount(row)
		}
	}
}

func accountEvent(t pim.EventType, row pim.Account) pim.Event {
	e := pim.PersonEvent(t, pim.System, row.PrincipalID, row.ID).With("account", row.ExternalID).With("source", string(row.Source)).WithText("account", row.Name)
	e.TargetID = row.TargetID
	return e
}

func (p *planner) addAccount(f orgfile.Account, person, target, instead string) {
	row := pim.Account{ID: p.newID("account", person, target, f.Account), PrincipalID: person, TargetID: target, Name: f.Account, ConfirmedBy: pim.System, Source: pim.SourceFile}
	p.step(stageAccounts, "+", f.Pos, emit(accountEvent(pim.EvAccountConfirmed, row), func(a *applying) error {
		row := row
		row.ConfirmedAt = a.tx.Now
		known := slices.ContainsFunc(p.workloads, func(h pim.Principal) bool { return h.ID == person })
		return errors.Join(a.tx.InsertAccount(row), a.accountOf(person, known))
	}), "account %s at target/%s: %q%s", f.Holder(), f.Target, f.Account, instead)
}

func (p *planner) dropAccount(row pim.Account) {
	p.step(stageAccountsOff, "-", orgfile.Pos{}, emit(accountEvent(pim.EvAccountUnlinked, row), func(a *applying) error {
		return errors.Join(a.dropAccount(row), a.accountOf(row.PrincipalID, !p.leaving[row.PrincipalID]))
	}),
		"account %s at %s: %q", p.label[row.PrincipalID], p.label[row.TargetID], row.Name)
}
