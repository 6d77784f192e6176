package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// markBreakGlass makes somebody an account for emergencies, or an ordinary person again.
type markBreakGlass struct {
	PersonID string `json:"person"`
	On       bool   `json:"on"`
}

func init() {
	operations[pim.ActionMarkBreakGlass] = func() operation { return new(markBreakGlass) }
	operations[pim.ActionReviewUse] = func() operation { return new(reviewUse) }
}

// MarkBreakGlass marks a person as an account for emergencies, or takes the mark away.
func (b *Broker) MarkBreakGlass(ctx context.Context, actor Actor, personID string, on bool) (Outcome, error) {
	return b.operate(ctx, actor, "/break-glass", &markBreakGlass{PersonID: personID, On: on})
}

func (op *markBreakGlass) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	if err := administers(tx.Reader, who, ""); err != nil {
		return prepared{}, err
	}
	p, err := tx.Principal(op.PersonID)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Kind != pim.Person {
		return prepared{}, pim.Invalid("person", "Choose a person that Stint knows.")
	}
	if err != nil {
		return prepared{}, err
	}
	_, err = tx.BreakGlassOf(p.ID)
	marked := err == nil
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return prepared{}, err
	case marked == op.On && op.On:
		return prepared{}, pim.Invalid("person", "%s is an account for emergencies already.", p.Name)
	case marked == op.On:
		return prepared{}, pim.NotFound()
	case op.On && !p.Enabled:
		return prepared{}, pim.Invalid("person", "%s is disabled. Enable them first.", p.Name)
	}
	says := p.Name + " may sign in with a passkey alone, also while the provider is down."
	if !op.On {
		says = p.Name + " signs in through the provider only."
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionMarkBreakGlass, Object: p.ID}, touch: true, says: []string{says}, lessen: !op.On}, nil
}

func (op *markBreakGlass) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/break-glass", Done: "Marked as an account for emergencies."}
	event, change := pim.EvBreakGlassMarked, func() error { return tx.MarkBreakGlass(op.PersonID, who.ID) }
	if !op.On {
		out.Done = "No account for emergencies any more."
		event, change = pim.EvBreakGlassUnmarked, func() error { return tx.UnmarkBreakGlass(op.PersonID) }
	}
	if err := change(); err != nil {
		return Outcome{}, moved(err)
	}
	tx.Emit(pim.PersonEvent(event, who.ID, op.PersonID, op.PersonID).With("evidence", evidence))
	p, err := tx.Principal(op.PersonID)
	if err != nil {
		return Outcome{}, err
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return Outcome{}, err
	}
	return out, notify(tx, who.Name+" changed accounts for emergencies: "+p.Name+". "+out.Done, "/break-glass", people...)
}

// reviewUse closes the review that an emergency sign-in owes.
type reviewUse struct {
	ID    string `json:"id"`
	Words string `json:"words"`
	Drill bool   `json:"drill"`
}

// ReviewUse closes the review of an emergency sign-in with words; drill says that it was only practised.
func (b *Broker) ReviewUse(ctx context.Context, actor Actor, id, words string, drill bool) (Outcome, error) {
	return b.operate(ctx, actor, "/break-glass", &reviewUse{ID: id, Words: strings.TrimSpace(words), Drill: drill})
}

func (op *reviewUse) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	if err := administers(tx.Reader, who, ""); err != nil {
		return prepared{}, err
	}
	u, err := tx.Use(op.ID)
	if err != nil {
		return prepared{}, found(err)
	}
	if !u.ReviewedAt.IsZero() {
		return prepared{}, pim.Refuse(pim.KindConflict, "This use was reviewed already.")
	}
	same, err := samePeople(tx.Reader, who.ID)
	if err != nil {
		return prepared{}, err
	}
	if same[u.PrincipalID] {
		return prepared{}, pim.Refuse(pim.KindForbidden, "Nobody reviews their own use. Another administrator has to.")
	}
	if problem := pim.CheckJustification(op.Words, true); problem != "" {
		return prepared{}, pim.Invalid("words", "%s", problem)
	}
	says := fmt.Sprintf("The emergency sign-in of %s is reviewed: %s", u.UsedAt.UTC().Format("2006-01-02 15:04 UTC"), op.Words)
	return prepared{item: pim.StepUpItem{Action: pim.ActionReviewUse, Object: u.ID, Version: u.Version}, touch: true, says: []string{says}, lessen: true}, nil
}

func (op *reviewUse) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	u, err := tx.Use(op.ID)
	if err != nil {
		return Outcome{}, found(err)
	}
	u.ReviewedBy, u.Words, u.Drill = who.ID, op.Words, op.Drill
	if err := tx.ReviewUse(u); err != nil {
		return Outcome{}, moved(err)
	}
	tx.Emit(pim.BreakGlassReviewed(u, who.ID, op.Words, evidence, op.Drill))
	return Outcome{Back: "/break-glass", Done: "Review closed."}, notify(tx, who.Name+" reviewed your emergency sign-in: "+op.Words, "/notices", u.PrincipalID)
}

// remindOfDrills tells administrators of accounts for emergencies that nobody has used for 90 days (B-03), once in
// that time.
func (b *Broker) remindOfDrills(ctx context.Context) error {
	now := b.clock()
	if now.Sub(time.UnixMicro(b.drills.Load())).Abs() < time.Hour { // the worker comes by with every commit
		return nil
	}
	b.drills.Store(now.UnixMicro())
	due, err := store.Read(ctx, b.store, drillsDue)
	if err != nil || len(due) == 0 {
		return err
	}
	return do(ctx, b, func(tx *store.Tx) error {
		due, err := drillsDue(tx.Reader)
		if err != nil {
			return err
		}
		people, err := administrators(tx.Reader)
		if err != nil {
			return err
		}
		for _, a := range due {
			p, err := tx.Principal(a.PrincipalID)
			if err != nil {
				return err
			}
			if err := tx.ToldOfDrill(p.ID); err != nil {
				return moved(err)
			}
			tx.Emit(pim.PersonEvent(pim.EvBreakGlassUnused, pim.System, p.ID, p.ID))
			if err := notify(tx, "The account for emergencies "+p.Name+" was not used for 90 days. Practise with it, so that it works when it must.", "/break-glass", people...); err != nil {
				return err
			}
		}
		return nil
	})
}

func drillsDue(r *store.Reader) (due []pim.BreakGlass, err error) {
	accounts, err := r.BreakGlass()
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		last, err := r.UsesOf(a.PrincipalID, 1)
		if err != nil {
			return nil, err
		}
		var used pim.BreakGlassUse
		if len(last) > 0 {
			used = last[0]
		}
		if a.DrillDue(used.UsedAt, r.Now) && (a.ToldAt.IsZero() || a.DrillDue(a.ToldAt, r.Now)) {
			due = append(due, a)
		}
	}
	return due, nil
}
