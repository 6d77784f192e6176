package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveWorkload] = func() operation { return &saveWorkload{} }
	operations[pim.ActionSwitchWorkload] = func() operation { return &switchWorkload{} }
	operations[pim.ActionRemoveWorkload] = func() operation { return &removeWorkload{} }
}

// WorkloadForm is what an administrator says of a workload: a program that holds roles and that nobody signs in as
// (P-01, A-60).
type WorkloadForm struct {
	Name  string
	About string // what it is, in words
	Owner string // principal id of the person or group who answers for it
}

const maxAbout = 500 // characters, as in a file

func (f *WorkloadForm) check() error {
	name, problem := orgfile.CleanName(f.Name)
	switch {
	case name == "" || !pim.Visible(name):
		return pim.Invalid("name", "Give it a name.")
	case problem != "":
		return pim.Invalid("name", "The name %s.", problem)
	}
	f.Name, f.About = name, strings.TrimSpace(f.About)
	if wrong := checkText(f.Name, maxPrincipalName); wrong != "" {
		return pim.Invalid("name", "%s", wrong)
	}
	if wrong := checkText(f.About, maxAbout); wrong != "" {
		return pim.Invalid("about", "%s", wrong)
	}
	if f.Owner == "" {
		return pim.Invalid("owner", "Say who answers for it: a person or a group.")
	}
	return nil
}

// saveWorkload makes a workload, or changes what is said of one.
type saveWorkload struct {
	ID      string
	Version int64 // 0: new
	WorkloadForm
}

// NewWorkload makes a workload.
func (b *Broker) NewWorkload(ctx context.Context, actor Actor, f WorkloadForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/workloads/new", &saveWorkload{ID: NewID(), WorkloadForm: f})
}

// SaveWorkload changes the name, the description and the owner of a workload.
func (b *Broker) SaveWorkload(ctx context.Context, actor Actor, id string, version int64, f WorkloadForm) (Outcome, error) {
	if err := f.check(); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/workloads/"+id+"/edit", &saveWorkload{ID: id, Version: max(version, 1), WorkloadForm: f})
}

func workloadOf(r *store.Reader, id string) (pim.Principal, error) {
	w, err := r.Principal(id)
	if err == nil && w.Kind != pim.Workload {
		err = store.ErrNotFound
	}
	return w, found(err)
}

func (o *saveWorkload) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSaveWorkload, Object: o.ID, Version: o.Version}}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	if err := o.checkOwner(tx.Reader); err != nil {
		return p, err
	}
	if o.Version == 0 {
		return p, o.unique(tx.Reader)
	}
	w, err := workloadOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	if w.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	if w.Name != o.Name {
		return p, o.unique(tx.Reader)
	}
	return p, nil
}

// checkOwner: somebody who can be asked answers for a workload, so not another workload.
func (o *saveWorkload) checkOwner(r *store.Reader) error {
	h, err := r.Principal(o.Owner)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && h.Kind == pim.Workload:
		return pim.Invalid("owner", "No person or group here is meant by this.")
	case err == nil && !h.Enabled:
		return pim.Invalid("owner", "%s is disabled. Choose somebody who can answer for it.", h.Name)
	}
	return err
}

// unique refuses a name that can be taken for another workload's (T22).
func (o *saveWorkload) unique(r *store.Reader) error {
	names, err := r.WorkloadNames()
	for id, name := range names {
		if id != o.ID && orgfile.LookAlike(name, o.Name) {
			return pim.Invalid("name", "There is a workload of this name already, or of one that reads almost the same: %s. Choose another one.", name)
		}
	}
	return err
}

func (o *saveWorkload) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/workloads/" + o.ID, Done: "Saved."}
	w := pim.Principal{ID: o.ID, Kind: pim.Workload, Enabled: true, Source: pim.SourceBrowser}
	var err error
	if o.Version > 0 {
		if w, err = workloadOf(tx.Reader, o.ID); err != nil {
			return out, err
		}
	}
	w.Name, w.About, w.OwnerID = o.Name, o.About, o.Owner
	tx.Emit(confirmedBy(savedEvent(who.ID, w), evidence))
	if o.Version == 0 {
		out.Done = "Workload made. It holds nothing before a role is assigned to it."
		return out, tx.InsertPrincipal(w)
	}
	return out, moved(tx.UpdatePrincipal(w))
}

// switchWorkload disables a workload, which ends what it holds at once, or enables it again.
type switchWorkload struct {
	ID      string
	Version int64
	Enable  bool
}

// SwitchWorkload disables or enables a workload. Its assignments stay, and count while it is enabled (P-11).
func (b *Broker) SwitchWorkload(ctx context.Context, actor Actor, id string, version int64, enable bool) (Outcome, error) {
	return b.operate(ctx, actor, "/workloads/"+id, &switchWorkload{ID: id, Version: version, Enable: enable})
}

func (o *switchWorkload) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionSwitchWorkload, Object: o.ID, Version: o.Version}, touch: true, lessen: !o.Enable}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	w, err := workloadOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	switch {
	case w.Version != o.Version:
		return p, moved(store.ErrConflict)
	case w.Enabled == o.Enable && o.Enable:
		return p, pim.Refuse(pim.KindConflict, "%s is enabled already.", w.Name)
	case w.Enabled == o.Enable:
		return p, pim.Refuse(pim.KindConflict, "%s is disabled already.", w.Name)
	}
	p.says, err = switchSentences(tx.Reader, w, o.Enable)
	return p, err
}

func switchSentences(r *store.Reader, w pim.Principal, enable bool) ([]string, error) {
	own, err := r.AssignmentsOf(w.ID)
	if err != nil {
		return nil, err
	}
	says := []string{w.Name + " is disabled: it holds nothing at any target until it is enabled again."}
	if enable {
		says = []string{w.Name + " is enabled."}
	}
	for _, asg := range own {
		what, err := roleAt(r, asg)
		if err != nil {
			return nil, err
		}
		if enable {
			says = append(says, "It holds "+what+" again"+untilWords(asg)+".")
		} else {
			says = append(says, what+" is taken away from it now.")
		}
	}
	return says, nil
}

func (o *switchWorkload) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/workloads/" + o.ID, Done: "Disabled. Everything it held is being taken away."}
	w, err := workloadOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	event := pim.EvPersonDisabled
	if w.Enabled = o.Enable; o.Enable {
		event, out.Done = pim.EvPersonEnabled, "Enabled."
	}
	if err := tx.UpdatePrincipal(w); err != nil {
		return out, moved(err)
	}
	tx.Emit(confirmedBy(pim.PersonEvent(event, who.ID, w.ID, w.ID).With("kind", string(w.Kind)), evidence))
	return out, syncAssignmentNeedsOf(tx, w.ID)
}

// removeWorkload takes a workload out of Stint for good.
type removeWorkload struct {
	ID      string
	Version int64
}

// RemoveWorkload removes a workload with all it holds, exactly as WorkloadRemoval says.
func (b *Broker) RemoveWorkload(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	return b.operate(ctx, actor, "/workloads/"+id+"/remove", &removeWorkload{ID: id, Version: version})
}

func (o *removeWorkload) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveWorkload, Object: o.ID, Version: o.Version}, touch: true, lessen: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	w, err := workloadOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	if w.Version != o.Version {
		return p, moved(store.ErrConflict)
	}
	p.says, err = WorkloadRemoval(tx.Reader, w)
	return p, err
}

// WorkloadRemoval says what removing a workload ends.
func WorkloadRemoval(r *store.Reader, w pim.Principal) ([]string, error) {
	own, err := r.AssignmentsOf(w.ID)
	if err != nil {
		return nil, err
	}
	says := []string{w.Name + " is removed for good, with its accounts here. At the targets they stay, without what Stint gave."}
	for _, asg := range own {
		what, err := roleAt(r, asg)
		if err != nil {
			return nil, err
		}
		says = append(says, fmt.Sprintf("Its %s assignment of %s ends.", asg.Kind, what))
	}
	if w.Source == pim.SourceFile {
		says = append(says, "The file names it: the next stint apply makes a new workload of that name, and lists it first.")
	}
	return says, nil
}

func (o *removeWorkload) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/workloads", Done: "Removed. Everything it held is being taken away."}
	w, err := workloadOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	e := pim.PersonEvent(pim.EvPrincipalRemoved, who.ID, w.ID, w.ID).With("kind", string(w.Kind)).With("source", string(w.Source)).With("key", w.Key)
	tx.Emit(confirmedBy(e, evidence).WithText("name", w.Name))
	own, err := tx.AssignmentsOf(w.ID)
	if err != nil {
		return out, err
	}
	for _, asg := range own {
		if err := b.endAssignment(tx, asg, who.ID, false); err != nil {
			return out, err
		}
	}
	return out, b.forgetPerson(tx, w)
}
