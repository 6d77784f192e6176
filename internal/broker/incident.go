package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func jitter() float64 { return rand.Float64() } // #nosec G404 -- spreads work, protects nothing

// openIncident opens one, with its event; standing access is summed up in the scan's own.
func openIncident(tx *store.Tx, i pim.Incident) (*pim.Incident, error) {
	var err error
	i.ID, i.FirstSeenAt, i.LastSeenAt = NewID(), tx.Now, tx.Now
	if i.AccountName, i.Entitlement, err = NamesAt(tx.Reader, Held{i.TargetID, i.AccountID, i.EntitlementID}); err != nil {
		return nil, err
	}
	if _, err := tx.OpenIncident(i); err != nil || i.Kind == pim.Standing {
		return &i, err
	}
	return &i, tellIncident(tx, pim.EvIncidentOpened, i)
}

func closeIncident(tx *store.Tx, i pim.Incident, how pim.IncidentEnd) error {
	i.How = how
	if err := tx.CloseIncident(i.ID, how); err != nil || i.Kind == pim.Standing {
		return err
	}
	return tellIncident(tx, pim.EvIncidentClosed, i)
}

func tellIncident(tx *store.Tx, t pim.EventType, i pim.Incident) error {
	owners, err := tx.OwnersOf(i.TargetID, i.AccountID)
	if err != nil {
		return err
	}
	person := ""
	if len(owners) > 0 {
		person = owners[0]
	}
	tx.Emit(pim.IncidentEvent(t, i, person))
	return nil
}

// besideOf is what is open of a fact as held beside Stint, nil when nothing is.
func besideOf(r *store.Reader, h Held) (*pim.Incident, error) {
	open, err := r.OpenIncidents(h.Target, h.Account, h.Entitlement)
	for _, i := range open {
		if i.Kind != pim.LostHold {
			return &i, err
		}
	}
	return nil, err
}

// incidents lets a fact's incidents follow from what was seen of its grant.
func incidents(tx *store.Tx, was pim.Grant, g store.GrantRow) error {
	lost := g.Lost && !was.Lost
	if !lost && (g.Seen == was.Seen || g.Seen == pim.Unknown || g.Seen == pim.Absent && !g.Settled(tx.Now)) {
		return nil
	}
	open, err := tx.OpenIncidents(g.TargetID, g.AccountID, g.EntitlementID)
	if err != nil {
		return err
	}
	for _, i := range open {
		switch {
		case i.Kind == pim.LostHold && g.Seen == pim.Present:
			err = closeIncident(tx, i, pim.EndedBack)
		case i.Kind != pim.LostHold && g.Seen == pim.Absent:
			err = closeIncident(tx, i, endOf(i))
		}
		if err != nil {
			return err
		}
	}
	if !lost {
		return nil
	}
	i := pim.Incident{Kind: pim.LostHold, TargetID: g.TargetID, AccountID: g.AccountID, EntitlementID: g.EntitlementID, GrantID: g.ID, EndsAt: g.WantedUntil}
	if _, err := openIncident(tx, i); err != nil {
		return err
	}
	return tellLost(tx, g)
}

// closeLost closes what was lost of a fact; endless alone, when it would not be over by itself.
func closeLost(tx *store.Tx, h Held, how pim.IncidentEnd, endless bool) error {
	open, err := tx.OpenIncidents(h.Target, h.Account, h.Entitlement)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.Kind == pim.LostHold && (i.EndsAt.IsZero() || !endless) {
			return closeIncident(tx, i, how)
		}
	}
	return nil
}

// lostNamed is how many that are lost at a target are told one by one.
const lostNamed = 3

// tellLost tells administrators that another hand took away what Stint had given; many at once are told as many.
func tellLost(tx *store.Tx, g store.GrantRow) error {
	n, err := tx.CountIncidents(g.TargetID, pim.LostHold)
	if err != nil || n > lostNamed+1 {
		return err
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	text := "Taken away at the target by another hand: " + g.AccountName + " in " + g.Entitlement + "."
	if n > lostNamed {
		text = "More was taken away at the target by another hand. Its page lists it."
	}
	return notify(tx, text, "/targets/"+g.TargetID, people...)
}

// regrant lets a permanent active assignment be given again at a target that is set to authoritative; nothing else ever is.
func regrant(tx *store.Tx, g *store.GrantRow) error {
	if !g.Lost || !g.Wanted {
		return nil
	}
	t, err := tx.Target(g.TargetID)
	if err != nil || !t.Authoritative {
		return err
	}
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if n.AssignmentID != "" && n.EndsAt.IsZero() && n.NeededAt(tx.Now) {
			g.Grant = g.Regrant()
			g.DueAt = tx.Now
			return tx.SaveGrant(*g)
		}
	}
	return nil
}

// closeOver closes what was lost and would be over by now.
func (b *Broker) closeOver(ctx context.Context) error {
	over := func(r *store.Reader) ([]pim.Incident, error) { return r.IncidentsOver(chunk) }
	some, err := store.Read(ctx, b.store, over)
	if err != nil || len(some) == 0 {
		return err
	}
	return store.Do(ctx, b.store, func(tx *store.Tx) error {
		due, err := over(tx.Reader)
		for _, i := range due {
			err = errors.Join(err, closeIncident(tx, i, pim.EndedNeed))
		}
		return err
	})
}

// Beside is what accounts hold at a target that neither the database nor the journal says Stint gave, since a restore
// asked for it: it is listed and never touched (THREATS T19).
type Beside struct {
	At   time.Time // of the first scan since the restore; zero: not looked yet
	Held []Held
	More int // further ones
}

const maxBeside = 200

// BesideAt returns what is held beside Stint at a target, nil when no restore asked.
func BesideAt(r *store.Reader, targetID string) (*Beside, error) {
	at, err := r.ScanOf(targetID)
	if err != nil || at.RestoredAt.IsZero() {
		return nil, err
	}
	out := &Beside{At: at.EndedAt}
	for _, standing := range []bool{true, false} {
		open, err := r.Incidents(targetID, standing, true, store.Keyset{}, maxBeside)
		if err != nil {
			return nil, err
		}
		for _, i := range open {
			if i.Kind != pim.LostHold {
				out.Held = append(out.Held, Held{i.TargetID, i.AccountID, i.EntitlementID})
			}
		}
	}
	for _, kind := range []pim.IncidentKind{pim.Standing, pim.Stranger} {
		n, err := r.CountIncidents(targetID, kind)
		if err != nil {
			return nil, err
		}
		out.More += int(n)
	}
	out.More -= len(out.Held)
	slices.SortFunc(out.Held, compareHeld)
	return out, nil
}
