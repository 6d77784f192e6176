package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/connector"
	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveTarget] = func() operation { return &saveTarget{} }
	operations[pim.ActionRetireTarget] = func() operation { return &retireTarget{} }
}

// TargetField is one plain setting of a kind of target, for a form.
type TargetField struct {
	Name, Help string
	Choices    []string
	Lines      bool
}

// TargetKinds lists the kinds of target that can be set up in the portal.
func TargetKinds() (kinds []string) {
	for _, kind := range connector.Kinds() {
		if len(connector.Fields(kind)) > 0 {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// TargetFields lists the settings of a kind in the order of its form.
func TargetFields(kind string) (out []TargetField) {
	for _, f := range connector.Fields(kind) {
		out = append(out, TargetField{f.Name, f.Help, f.Choices, f.Lines})
	}
	return out
}

// TargetForm is a target as a form states it.
type TargetForm struct {
	ID            string // empty: a new one
	Kind          string
	Name          string
	Settings      map[string]string
	MayWrite      []string
	Authoritative bool
	Secret        string `json:"-"` // never kept but sealed; empty: the one there is
	BelowID       string // of a new one: where its resource stands; empty: at the top
	Version       int64  // as it was shown
}

func (f TargetForm) plain() map[string]string {
	plain := maps.Clone(f.Settings)
	plain[connector.MayWrite] = strings.Join(f.MayWrite, "\n")
	return plain
}

// clean takes spaces and what was left empty out of a form.
func (f TargetForm) clean() (TargetForm, error) {
	name, problem := orgfile.CleanName(f.Name)
	if problem != "" {
		return f, pim.Invalid("name", "The name %s.", problem)
	}
	f.Name = name
	settings := map[string]string{}
	for _, field := range connector.Fields(f.Kind) {
		if v := strings.Join(connector.Lines(f.Settings[field.Name]), "\n"); v != "" {
			settings[field.Name] = v
		}
	}
	f.Settings = settings
	f.MayWrite = connector.Lines(strings.Join(f.MayWrite, "\n"))
	return f, nil
}

// saveTarget adds a target or changes one. Of the credential it holds nothing but what only the sealer can open.
type saveTarget struct {
	Form   TargetForm
	ID     string
	NodeID string // the resource a new target gets
	Sealed string // a credential that was entered; empty: none was
}

// SaveTarget adds or changes a target. The credential is sealed before anything is written.
func (b *Broker) SaveTarget(ctx context.Context, actor Actor, f TargetForm) (Outcome, error) {
	f, err := f.clean()
	if err != nil {
		return Outcome{}, err
	}
	op := &saveTarget{Form: f, ID: f.ID, NodeID: NewID()}
	back := "/targets/" + f.ID + "/edit"
	if f.ID == "" {
		op.ID, back = NewID(), "/targets/new?kind="+f.Kind
	}
	if f.Secret != "" {
		if op.Sealed, err = b.sealer.Seal(op.ID, []byte(f.Secret)); err != nil {
			return Outcome{}, err
		}
	}
	op.Form.Secret = ""
	return b.operate(ctx, actor, back, op)
}

// check refuses what the connector would not take, and a kept credential where it could be sent to somebody else.
func (o *saveTarget) check(r *store.Reader, who pim.Principal, entered bool) (row store.TargetRow, err error) {
	if err := administers(r, who, ""); err != nil {
		return row, err
	}
	if o.Form.ID != "" {
		if row, err = r.Target(o.Form.ID); err != nil {
			return row, found(err)
		}
		switch {
		case row.ID == pim.StintTarget:
			return row, pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
		case row.Kind != o.Form.Kind:
			return row, pim.Invalid("kind", "A target stays of its kind (%s), for its accounts are known by ids of that kind.", row.Kind)
		case o.Form.Version != 0 && o.Form.Version != row.Version:
			return row, moved(store.ErrConflict)
		}
	}
	if err := o.valid(); err != nil {
		return row, err
	}
	if err := o.credential(row, entered); err != nil {
		return row, err
	}
	return row, o.unique(r)
}

func (o *saveTarget) valid() error {
	if !slices.Contains(TargetKinds(), o.Form.Kind) {
		return pim.Invalid("kind", "Choose one of the kinds.")
	}
	err := connector.Validate(o.Form.Kind, o.Form.plain())
	var wrong *connector.FieldError
	if errors.As(err, &wrong) {
		return pim.Invalid(wrong.Field, "%s.", sentence(wrong.Message))
	}
	return err
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".")
}

func (o *saveTarget) credential(row store.TargetRow, entered bool) error {
	needed, err := connector.Secrets(o.Form.Kind, o.Form.plain())
	switch {
	case err != nil || len(needed) == 0 || entered:
		return err
	case row.Sealed == "":
		return pim.Invalid("secret", "Enter the %s.", strings.ReplaceAll(needed[0], "_", " "))
	case connector.Guarded(row.Kind, row.Settings, o.Form.Settings):
		return pim.Invalid("secret", "Enter the %s again: what decides where it is sent has changed, and a kept one goes only where it was entered for.", strings.ReplaceAll(needed[0], "_", " "))
	}
	return nil
}

func (o *saveTarget) unique(r *store.Reader) error {
	all, err := r.Targets()
	for _, t := range all {
		if t.ID != o.Form.ID && orgfile.LookAlike(t.Name, o.Form.Name) {
			return pim.Invalid("name", "%s is a target already and reads almost the same. Choose another name.", t.Name)
		}
	}
	return err
}

// want is the row as it shall be. The reference of a file's credential stays: it is where the file reads it.
func (o *saveTarget) want(row store.TargetRow) store.TargetRow {
	next := row
	next.Name, next.Settings, next.MayWrite, next.Authoritative = o.Form.Name, o.Form.Settings, o.Form.MayWrite, o.Form.Authoritative
	if o.Sealed != "" {
		next.Sealed = o.Sealed
	}
	if o.Form.ID == "" {
		next.ID, next.Kind, next.Source = o.ID, o.Form.Kind, pim.SourceBrowser
	}
	return next
}

func (o *saveTarget) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	row, err := o.check(tx.Reader, who, o.Sealed != "")
	if err != nil {
		return prepared{}, err
	}
	if o.Form.ID == "" {
		if err := checkBelow(tx.Reader, o.NodeID, o.Form.BelowID, 1); err != nil {
			return prepared{}, err
		}
		if err := checkSiblings(tx.Reader, o.NodeID, o.Form.BelowID, o.Form.Name, true); err != nil {
			return prepared{}, err
		}
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionSaveTarget, Object: o.ID, Version: row.Version}, touch: true, says: o.says(row)}, nil
}

func (o *saveTarget) says(row store.TargetRow) []string {
	next := o.want(row)
	if o.Form.ID == "" {
		says := []string{fmt.Sprintf("Connect %s (%s), %s.", next.Name, next.Kind, strings.ReplaceAll(next.Settings["address"], "\n", ", ")),
			"Stint may give there: " + strings.Join(next.MayWrite, "; ") + "."}
		if next.Authoritative {
			says = append(says, "It is authoritative: what appears beside Stint is taken away.")
		}
		return says
	}
	d := targetDiff(row, next, false)
	if o.Sealed != "" {
		d = append(d, "another credential")
	}
	if len(d) == 0 {
		return []string{"Nothing changes at " + row.Name + "."}
	}
	return []string{"Change " + row.Name + ": " + d.String() + "."}
}

func (o *saveTarget) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	row, err := o.check(tx.Reader, who, o.Sealed != "")
	if err != nil {
		return Outcome{}, err
	}
	next := o.want(row)
	e := targetEvent(pim.EvTargetSaved, next.ID)
	e.Actor, e.Texts = who.ID, map[string]string{}
	e.Facts = map[string]any{"key": next.Key, "kind": next.Kind, "settings": maps.Clone(next.Settings), "may_write": next.MayWrite, "authoritative": next.Authoritative,
		"secret_from": next.SecretFrom, "secret_changed": o.Sealed != "", "source": string(next.Source), "evidence": evidence}
	tx.Emit(e.WithText("name", next.Name))
	tx.AfterCommit(b.resolver.soon)
	out := Outcome{Back: "/targets/" + next.ID, Done: next.Name + " is saved."}
	if o.Form.ID != "" {
		return out, moved(errors.Join(tx.UpdateTarget(next), unscan(tx, row, next)))
	}
	node := pim.Resource{ID: o.NodeID, ParentID: o.Form.BelowID, TargetID: next.ID, Kind: nodeKind(next.Kind), Name: next.Name, Source: pim.SourceBrowser}
	emitResource(tx, node, who.ID, evidence)
	out.Back, out.Done = "/targets/"+next.ID+"/browse", next.Name+" is connected. Bring in what roles shall give there."
	return out, errors.Join(tx.InsertTarget(next), tx.InsertResource(node))
}

// nodeKind is what the resource of a whole target is.
func nodeKind(kind string) string {
	if kind == "postgres" {
		return "server"
	}
	return "directory"
}

// testWithin is how long a test or a look at a target's entries may take.
const testWithin = 10 * time.Second

// TestTargetForm looks whether a target that is not saved answers, and what can be read there. Nothing is written.
func (b *Broker) TestTargetForm(ctx context.Context, actor Actor, f TargetForm) (TargetTest, error) {
	f, err := f.clean()
	if err != nil {
		return TargetTest{}, err
	}
	o := &saveTarget{Form: f, ID: f.ID}
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) {
		who, err := person(r, actor)
		if err != nil {
			return store.TargetRow{}, err
		}
		return o.check(r, who, f.Secret != "")
	})
	if err != nil {
		return TargetTest{}, err
	}
	conn, err := b.open(f.Kind, connector.Config{TargetID: "on trial", Settings: f.plain(), Timeout: testWithin, Secret: func(string) (string, error) {
		if f.Secret != "" {
			return f.Secret, nil
		}
		kept, err := b.sealer.Unseal(row.ID, row.Sealed)
		return string(kept), err
	}})
	if err != nil {
		return TargetTest{Message: err.Error()}, nil
	}
	defer conn.Close()
	return tried(ctx, conn), nil
}

// tried counts what a target shows.
func tried(ctx context.Context, conn connector.Connector) TargetTest {
	ctx, stop := context.WithTimeout(ctx, testWithin)
	defer stop()
	start := now()
	var groups, accounts int
	var names []string
	for e, err := range conn.Browse(ctx, "") {
		switch {
		case err != nil:
			return TargetTest{Message: err.Error(), Took: now().Sub(start)}
		case e.Kind == connector.AccountEntry:
			accounts++
		default:
			if groups++; len(names) < 5 {
				names = append(names, e.Name)
			}
		}
	}
	words := fmt.Sprintf("It answers. Groups and roles that can be read: %d; accounts: %d.", groups, accounts)
	if len(names) > 0 {
		words += " The first: " + strings.Join(names, ", ") + "."
	}
	return TargetTest{OK: true, Message: words, Took: now().Sub(start)}
}

// retireTarget takes a target out and forgets its credential.
type retireTarget struct {
	ID      string
	Version int64
}

// RetireTarget ends a target at which nothing is held and to which no resource belongs.
func (b *Broker) RetireTarget(ctx context.Context, actor Actor, id string, version int64) (Outcome, error) {
	return b.operate(ctx, actor, "/targets/"+id+"/retire", &retireTarget{ID: id, Version: version})
}

// PreviewRetireTarget says what retiring would do, or refuses it as that does.
func (b *Broker) PreviewRetireTarget(r *store.Reader, who pim.Principal, id string) ([]string, error) {
	_, says, err := (&retireTarget{ID: id}).load(r, who)
	return says, err
}

func (o *retireTarget) load(r *store.Reader, who pim.Principal) (row store.TargetRow, says []string, err error) {
	if err := administers(r, who, ""); err != nil {
		return row, nil, err
	}
	if row, err = r.Target(o.ID); err != nil {
		return row, nil, found(err)
	}
	if row.ID == pim.StintTarget {
		return row, nil, pim.Refuse(pim.KindForbidden, "This is Stint itself; it stays as it is.")
	}
	if o.Version != 0 && o.Version != row.Version {
		return row, nil, moved(store.ErrConflict)
	}
	held, err := r.UnsettledGrants(o.ID)
	if err != nil {
		return row, nil, err
	}
	if held > 0 {
		return row, nil, pim.Refuse(pim.KindConflict, "%d grants are held or being taken away there. End what gives them, and wait until they are gone.", held)
	}
	nodes, err := r.ResourcesOfTarget(o.ID, namedInWords+1)
	if err != nil {
		return row, nil, err
	}
	if len(nodes) > 0 {
		var names []string
		for _, s := range nodes[:min(len(nodes), namedInWords)] {
			names = append(names, s.Name)
		}
		return row, nil, pim.Refuse(pim.KindConflict, "Resources belong to it: %s. Retire them, or give them another target, first.", strings.Join(names, ", "))
	}
	if _, err := r.Sync(o.ID); err == nil {
		return row, nil, pim.Refuse(pim.KindConflict, "Stint follows its people. Choose No longer follow on the page of its sync first.")
	} else if !errors.Is(err, store.ErrNotFound) {
		return row, nil, err
	}
	return row, []string{"Retire " + row.Name + ".", "Its credential is forgotten. Nothing is changed at the target."}, nil
}

func (o *retireTarget) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	row, says, err := o.load(tx.Reader, who)
	return prepared{item: pim.StepUpItem{Action: pim.ActionRetireTarget, Object: o.ID, Version: row.Version}, touch: true, says: says, lessen: true}, err
}

func (o *retireTarget) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	row, _, err := o.load(tx.Reader, who)
	if err != nil {
		return Outcome{}, err
	}
	e := targetEvent(pim.EvTargetRemoved, row.ID).With("key", row.Key).With("evidence", evidence).WithText("name", row.Name)
	e.Actor = who.ID
	tx.Emit(e)
	return Outcome{Back: "/targets", Done: row.Name + " is retired."}, moved(tx.RemoveTarget(row.ID))
}
