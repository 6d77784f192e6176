package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveSync] = func() operation { return &saveSync{} }
	operations[pim.ActionRemoveSync] = func() operation { return &removeSync{} }
	operations[pim.ActionConfirmSync] = func() operation { return &confirmSync{} }
}

// What is asked of a sync.
const (
	syncRun     = "run"
	syncPreview = "preview"
)

// saveSync makes Stint follow a directory's people, or changes how.
type saveSync struct {
	TargetID string
	Version  int64 // 0: new
	Salt     string
	Settings pim.SyncSettings
}

// SaveSync makes Stint follow the people of a target that knows some. It says who may sign in as whom, so a passkey
// confirms it.
func (b *Broker) SaveSync(ctx context.Context, actor Actor, targetID string, version int64, s pim.SyncSettings) (Outcome, error) {
	if err := do(ctx, b, func(tx *store.Tx) error { _, err := administrator(tx, actor); return err }); err != nil {
		return Outcome{}, err
	}
	s, err := b.resolveSync(ctx, targetID, s)
	if err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/sync/"+targetID, &saveSync{TargetID: targetID, Version: version, Salt: NewID(), Settings: s})
}

// resolveSync checks what only the connector knows, and looks up the groups whose id is not known yet.
func (b *Broker) resolveSync(ctx context.Context, targetID string, s pim.SyncSettings) (pim.SyncSettings, error) {
	if refusal := s.Check(); refusal != nil {
		return s, refusal
	}
	people, _, err := b.directory(ctx, targetID)
	if err != nil {
		return s, err
	}
	var wrong *connector.FieldError
	if err := people.CheckPeople(peopleQuery(s)); errors.As(err, &wrong) {
		return s, pim.Invalid(wrong.Field, "%s.", sentence(wrong.Message))
	} else if err != nil {
		return s, err
	}
	s.Groups = slices.Clone(s.Groups)
	for i, g := range s.Groups {
		id, err := people.FindGroup(ctx, g.Directory)
		if err != nil {
			return s, pim.Invalid("groups", "%s: %s.", g.Directory, sentence(err.Error()))
		}
		s.Groups[i].ID = string(id)
	}
	return s, nil
}

// directory returns what a target's connector offers about people, and the connector.
func (b *Broker) directory(ctx context.Context, targetID string) (connector.People, connector.Connector, error) {
	if targetID == pim.StintTarget {
		return nil, nil, pim.NotFound()
	}
	if _, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return r.Target(targetID) }); err != nil {
		return nil, nil, found(err)
	}
	conn, err := b.connect(ctx, targetID)
	if err != nil {
		return nil, nil, err
	}
	people, ok := connector.PeopleOf(conn)
	if !ok {
		return nil, nil, pim.Refuse(pim.KindConflict, "This target is no directory of people.")
	}
	return people, conn, nil
}

// SyncKinds are the kinds of target whose people can be followed.
func SyncKinds() []string { return connector.PeopleKinds() }

func peopleQuery(s pim.SyncSettings) connector.PeopleQuery {
	q := connector.PeopleQuery{Base: s.Base, Filter: s.Filter, Attributes: s.Attributes()}
	if m := strings.TrimSpace(s.Manager); m != "" {
		q.References = []string{m}
	}
	return q
}

func (o *saveSync) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSaveSync, Object: o.TargetID, Version: o.Version}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	t, err := tx.Target(o.TargetID)
	if err != nil {
		return p, found(err)
	}
	was, err := tx.Sync(o.TargetID)
	switch {
	case errors.Is(err, store.ErrNotFound) && o.Version == 0:
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return p, err
	case was.Version != o.Version:
		return p, moved(store.ErrConflict)
	case was.LeaseUntil.After(tx.Now):
		return p, pim.Refuse(pim.KindConflict, "A run is on its way. Save once it has ended.")
	}
	if o.Settings.Claim != "" && !slices.Contains(b.binding, o.Settings.Claim) {
		return p, pim.Invalid("claim", "Only a claim named in oidc_binding_claims may bind somebody: people must not be able to edit it at the provider.")
	}
	says, err := o.checkGroups(tx.Reader)
	if err != nil {
		return p, err
	}
	left, err := leftInWords(tx.Reader, unfed(was.Settings.Groups, o.Settings.Groups))
	p.says = append(append([]string{"Stint follows the people of " + t.Name + ": " + o.Settings.Filter + ".", o.identity()}, says...), left...)
	return p, err
}

func (o *saveSync) identity() string {
	if o.Settings.Claim != "" {
		return "Whoever the provider says has " + o.Settings.Claim + " = " + o.Settings.Match + " of an entry signs in as that person."
	}
	return "Whoever is " + o.Settings.Match + " of an entry at " + o.Settings.Issuer + " signs in as that person."
}

// checkGroups refuses groups that are not there or that another directory feeds, and says what the others get.
func (o *saveSync) checkGroups(r *store.Reader) (says []string, err error) {
	all, err := r.Syncs()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, g := range o.Settings.Groups {
		row, err := groupOf(r, g.GroupID)
		if err != nil {
			return nil, pim.Invalid("groups", "There is no such group in Stint.")
		}
		if seen[row.ID] {
			return nil, pim.Invalid("groups", "%s is named twice.", row.Name)
		}
		seen[row.ID] = true
		for _, other := range all {
			if other.TargetID != o.TargetID && slices.ContainsFunc(other.Settings.Groups, func(x pim.SyncGroup) bool { return x.GroupID == row.ID }) {
				return nil, pim.Invalid("groups", "%s has members from another directory already.", row.Name)
			}
		}
		s, err := stakesOf(r, row.ID)
		if err != nil {
			return nil, err
		}
		says = append(says, "Members of "+g.Directory+" there are members of "+row.Name+" here.")
		says = append(says, s.sentences()...)
	}
	return says, nil
}

func (o *saveSync) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/sync/" + o.TargetID, Done: "Saved. Look at a preview before the first run."}
	row, err := tx.Sync(o.TargetID)
	if errors.Is(err, store.ErrNotFound) {
		row, err = store.Sync{TargetID: o.TargetID, Salt: o.Salt}, nil
	}
	if err != nil {
		return out, err
	}
	fed, err := o.newlyFed(tx.Reader, who, row.Settings)
	if err != nil {
		return out, err
	}
	left := unfed(row.Settings.Groups, o.Settings.Groups)
	if row = renew(row, o.Settings, tx.Now); row.Previewed {
		out.Done = "Saved."
	}
	tx.Emit(confirmedBy(syncSaved(who.ID, o.TargetID, o.Settings), evidence))
	if err := tx.SaveSync(row); err != nil {
		return out, moved(err)
	}
	for _, f := range fed {
		if err := f.loud(tx, who, out.Back, evidence); err != nil {
			return out, err
		}
	}
	return out, b.leaveMembers(tx, left)
}

// fedGroup is a group of Stint that a directory's is to feed from now on.
type fedGroup struct {
	name   string
	stakes stakes
	stays  []stake
}

// newlyFed notes who names which of the directory's groups, and returns what is fed anew.
func (o *saveSync) newlyFed(r *store.Reader, who pim.Principal, was pim.SyncSettings) (out []fedGroup, err error) {
	for i, g := range o.Settings.Groups {
		at := slices.IndexFunc(was.Groups, func(x pim.SyncGroup) bool { return x.GroupID == g.GroupID && x.ID == g.ID })
		if at >= 0 {
			o.Settings.Groups[i].By = was.Groups[at].By
			continue
		}
		o.Settings.Groups[i].By = who.ID
		row, err := groupOf(r, g.GroupID)
		if err != nil {
			return nil, err
		}
		f := fedGroup{name: row.Name}
		if f.stakes, err = stakesOf(r, row.ID); err == nil {
			f.stays, err = f.stakes.notYetOf(r, who)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// loud keeps whoever lets people in that nobody named for a day out of what they get, and tells the administrators (T21).
func (f fedGroup) loud(tx *store.Tx, who pim.Principal, link, evidence string) error {
	if err := lockOutOf(tx, who, f.stays, "directory", "lets a directory feed "+f.name+", whose members get", link, evidence); err != nil {
		return err
	}
	return f.stakes.loosened(tx, who, link, evidence)
}

// removeSync ends following a directory.
type removeSync struct{ TargetID string }

// RemoveSync ends following a directory: everybody stays as they are.
func (b *Broker) RemoveSync(ctx context.Context, actor Actor, targetID string) (Outcome, error) {
	return b.operate(ctx, actor, "/sync/"+targetID, &removeSync{TargetID: targetID})
}

func (o *removeSync) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveSync, Object: o.TargetID}, touch: true,
		says: []string{"Stint no longer follows this directory. Everybody stays as they are now: whoever is disabled stays disabled, and whoever is disabled or deleted there later goes on here."}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	s, err := tx.Sync(o.TargetID)
	if err == nil && s.LeaseUntil.After(tx.Now) {
		err = pim.Refuse(pim.KindConflict, "A run is on its way. Remove the sync once it has ended.")
	}
	if err != nil {
		return p, found(err)
	}
	left, err := leftInWords(tx.Reader, unfed(s.Settings.Groups, nil))
	p.says = append(p.says, left...)
	return p, err
}

func (o *removeSync) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	s, err := tx.Sync(o.TargetID)
	if err != nil {
		return Outcome{}, found(err)
	}
	e := targetEvent(pim.EvSyncRemoved, o.TargetID)
	e.Actor = who.ID
	tx.Emit(confirmedBy(e, evidence))
	if err := tx.RemoveSync(o.TargetID); err != nil {
		return Outcome{}, moved(err)
	}
	return Outcome{Back: "/sync", Done: "Removed. Everybody stays as they are."}, b.leaveMembers(tx, unfed(s.Settings.Groups, nil))
}

// AskSync asks for a run, or for a preview of one, which changes nobody.
func (b *Broker) AskSync(ctx context.Context, actor Actor, targetID string, preview bool) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		out := Outcome{Back: "/sync/" + targetID, Done: "The run begins."}
		who, err := administrator(tx, actor)
		if err != nil {
			return out, err
		}
		s, err := tx.Sync(targetID)
		switch {
		case err != nil:
			return out, found(err)
		case s.Asked != "" || s.LeaseUntil.After(tx.Now):
			return out, pim.Refuse(pim.KindConflict, "A run is on its way already.")
		case !preview && !s.Previewed:
			return out, pim.Refuse(pim.KindConflict, "Look at a preview of these settings first.")
		}
		what := syncRun
		if preview {
			what, out.Done = syncPreview, "The preview begins. Nobody is changed by it."
		}
		e := targetEvent(pim.EvSyncRequested, targetID).With("what", what)
		e.Actor = who.ID
		tx.Emit(e)
		return out, tx.AskSync(targetID, what, who.ID, 0)
	})
}

// confirmSync lets one run take away what another one stopped at.
type confirmSync struct {
	TargetID string
	RunID    string
	Losing   int
}

// ConfirmSync lets the next run disable as many people as the stopped one would have.
func (b *Broker) ConfirmSync(ctx context.Context, actor Actor, targetID, runID string) (Outcome, error) {
	run, err := store.Read(ctx, b.store, func(r *store.Reader) (store.SyncRun, error) { return r.SyncRun(runID) })
	if err != nil {
		return Outcome{}, found(err)
	}
	return b.operate(ctx, actor, "/sync/"+targetID, &confirmSync{TargetID: targetID, RunID: runID, Losing: run.Counts.Losing()})
}

func (o *confirmSync) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionConfirmSync, Object: o.RunID}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	s, err := tx.Sync(o.TargetID)
	if err != nil {
		return p, found(err)
	}
	runs, err := tx.SyncRuns(o.TargetID, 1)
	switch {
	case err != nil:
		return p, err
	case len(runs) == 0 || runs[0].ID != o.RunID || runs[0].State != pim.SyncStopped || runs[0].Counts.Losing() != o.Losing || o.Losing == 0:
		return p, pim.Refuse(pim.KindConflict, "This is not the latest run any more, or it did not stop. Look at the latest.")
	case s.Asked != "" || s.LeaseUntil.After(tx.Now):
		return p, pim.Refuse(pim.KindConflict, "A run is on its way already.")
	}
	p.says = []string{fmt.Sprintf("The next run, and only that one, may disable up to %s.", plural(o.Losing, "one person", fmt.Sprintf("%d people", o.Losing))),
		"Their sessions, requests and activations end at once."}
	return p, nil
}

func (o *confirmSync) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	e := targetEvent(pim.EvSyncConfirmed, o.TargetID).With("run", o.RunID).With("people", int64(o.Losing))
	e.Actor = who.ID
	tx.Emit(confirmedBy(e, evidence))
	return Outcome{Back: "/sync/" + o.TargetID, Done: "Confirmed. The run begins."}, tx.AskSync(o.TargetID, syncRun, who.ID, o.Losing)
}
