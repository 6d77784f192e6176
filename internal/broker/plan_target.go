package broker

import (
	"errors"
	"maps"
	"slices"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func (p *planner) planTargets() {
	have := index(p.targets, func(t store.TargetRow) string { return t.ID })
	for _, f := range p.doc.Targets {
		id := p.id["target/"+f.ID]
		row, known := have[id]
		want := store.TargetRow{Target: pim.Target{ID: id, Key: f.ID, Kind: f.Kind, Name: f.Name, Settings: f.Settings, MayWrite: f.MayWrite,
			Authoritative: f.Authoritative, SecretFrom: f.Secret.String(), Source: pim.SourceFile, Version: row.Version}}
		var fresh bool
		want.Sealed, fresh = p.seal(f, row)
		event := saved(pim.EvTargetSaved, id, map[string]any{"key": f.ID, "kind": f.Kind, "settings": maps.Clone(f.Settings), "may_write": f.MayWrite,
			"authoritative": f.Authoritative, "secret_from": want.SecretFrom}).With("secret_changed", fresh).WithText("name", f.Name)
		event.TargetID = id
		if !known {
			p.step(stageTargets, "+", f.Pos, emit(event, func(a *applying) error { return a.tx.InsertTarget(want) }), "target/%s (%s) %q", f.ID, f.Kind, f.Name)
			continue
		}
		if f.Kind != row.Kind {
			p.errs.Add(f.Pos, "targets["+f.ID+"].kind", "a target stays of its kind (%s), for its accounts are known by ids of that kind; give the new one an id of its own", row.Kind)
		}
		d := targetDiff(row, want, fresh)
		d.said(p.adopted[id], "now owned by the file (made in the portal)")
		if len(d) > 0 {
			p.step(stageTargets, "~", f.Pos, emit(event, func(a *applying) error { return errors.Join(a.tx.UpdateTarget(want), unscan(a.tx, row, want)) }), "target/%s: %s", f.ID, d)
		}
	}
	for _, row := range p.targets {
		if p.adopted[row.ID] {
			continue
		}
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		if n := p.unsettled[row.ID]; n > 0 {
			p.errs.Add(orgfile.Pos{}, "targets", "%s cannot leave the file while %d grants are held or being taken away there: first take out what gives them, apply, and wait until they are gone", p.label[row.ID], n)
		}
		event := saved(pim.EvTargetRemoved, row.ID, map[string]any{"key": row.Key})
		event.TargetID = row.ID
		p.step(stageGoing, "-", orgfile.Pos{}, emit(event, func(a *applying) error { return a.tx.RemoveTarget(row.ID) }), "%s", p.label[row.ID])
	}
}

// unscan makes the next scan the first where a target is reached otherwise than before: it may be another one, in which
// what is held was there before Stint looked.
func unscan(tx *store.Tx, old, new store.TargetRow) error {
	if maps.Equal(old.Settings, new.Settings) {
		return nil
	}
	return tx.KeepScannedOnly(new.ID, nil)
}

// seal returns the sealed credential of a target; fresh when it is not the one that is kept already.
func (p *planner) seal(f orgfile.Target, row store.TargetRow) (sealed string, fresh bool) {
	secret, has := p.secrets[f.ID]
	if !has {
		return "", row.Sealed != ""
	}
	id := p.id["target/"+f.ID]
	if row.Sealed != "" && !p.reseal {
		if kept, err := p.sealer.Unseal(id, row.Sealed); err == nil && string(kept) == secret {
			return row.Sealed, false
		}
	}
	if p.sealed[id] == "" {
		s, err := p.sealer.Seal(id, []byte(secret))
		if err != nil {
			p.errs.Add(f.Secret.Pos, "targets["+f.ID+"].secret", "cannot be sealed: %s", err)
		}
		p.sealed[id] = s
	}
	return p.sealed[id], true
}

func targetDiff(old, new store.TargetRow, fresh bool) (d diff) {
	d.text("name", old.Name, new.Name)
	names := slices.Sorted(maps.Keys(new.Settings))
	for name := range old.Settings {
		if _, ok := new.Settings[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		d.text(name, old.Settings[name], new.Settings[name])
	}
	d.list("may_write", old.MayWrite, new.MayWrite)
	d.said(old.Authoritative != new.Authoritative, "authoritative %v → %v", old.Authoritative, new.Authoritative)
	d.text("secret", old.SecretFrom, new.SecretFrom)
	d.said(fresh && old.SecretFrom == new.SecretFrom, "the secret at %s has changed", new.SecretFrom)
	return d
}
