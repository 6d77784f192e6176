package broker

import (
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// maxEnds is how many ends ahead are looked at; whoever is able after so many is not the last one.
const maxEnds = 50

// administeredUntil is when the last person able to administer Stint stops being so by time, as everything stands now
// (A-17, EC-16); zero: somebody is without an end, or nobody is at all.
func administeredUntil(r *store.Reader) (until time.Time, err error) {
	assigned, err := r.Assigned(pim.RoleAdministrator)
	if err != nil || len(assigned) == 0 {
		return until, err
	}
	_, _, eff, err := effective(r, pim.RoleAdministrator, pim.StintResource)
	if err != nil {
		return until, err
	}
	var ends []time.Time
	for _, a := range assigned {
		if !a.EndsAt.IsZero() {
			ends = append(ends, a.EndsAt)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	ends = slices.CompactFunc(ends, time.Time.Equal)
	if len(ends) > maxEnds {
		return until, nil
	}
	at := func(t time.Time) (bool, error) {
		able, err := ableUnder(r, slices.DeleteFunc(slices.Clone(assigned), func(a pim.Assignment) bool { return !a.InForceAt(t) }), eff)
		return len(able) > 0, err
	}
	if some, err := at(r.Now); err != nil || !some {
		return until, err
	}
	for _, end := range ends {
		if some, err := at(end); err != nil || !some {
			return end, err
		}
	}
	return until, nil
}

// AdministeredUntil is administeredUntil for the pages.
func AdministeredUntil(r *store.Reader) (time.Time, error) { return administeredUntil(r) }

func endOfAdministration(until time.Time) string {
	return "From " + pim.FormatInstant(until) + " on nobody would be able to administer Stint: make another person able without an end, or give this one a later end."
}

// sooner reports whether an end of administration is news after another one.
func sooner(was, is time.Time) bool { return !is.IsZero() && (was.IsZero() || is.Before(was)) }

// warnOfEnd says that a change would leave nobody able to administer Stint some day.
func warnOfEnd(tx *store.Tx, change func() error) (says []string, err error) {
	was, err := administeredUntil(tx.Reader)
	if err != nil {
		return nil, err
	}
	var is time.Time
	err = tx.Would(change, func() (err error) {
		is, err = administeredUntil(tx.Reader)
		return err
	})
	if err == nil && sooner(was, is) {
		says = []string{endOfAdministration(is)}
	}
	return says, err
}

// watchEnd makes a change and makes it loud when it leaves nobody able to administer Stint some day.
func watchEnd[T any](tx *store.Tx, by string, change func() (T, error)) (out T, err error) {
	was, err := administeredUntil(tx.Reader)
	if err != nil {
		return out, err
	}
	if out, err = change(); err != nil {
		return out, err
	}
	return out, tellSooner(tx, by, was)
}

// tellSooner makes it loud when nobody is able to administer Stint from an instant on that is news after another one.
func tellSooner(tx *store.Tx, by string, was time.Time) error {
	is, err := administeredUntil(tx.Reader)
	if err != nil || !sooner(was, is) {
		return err
	}
	tx.Emit(pim.Event{Type: pim.EvAdministrationEnds, Actor: by, RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, ObjectID: pim.RoleAdministrator,
		Result: pim.OK, Facts: map[string]any{"until": is.UnixMicro()}})
	return tellEndOfAdministration(tx, is)
}

func tellEndOfAdministration(tx *store.Tx, until time.Time) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, endOfAdministration(until), "/roles/"+pim.RoleAdministrator, people...)
}

// remindEndOfAdministration tells every administrator when what ends soon is the last by which somebody is able.
func remindEndOfAdministration(tx *store.Tx, ends []pim.Assignment) error {
	own := slices.ContainsFunc(ends, func(a pim.Assignment) bool { return a.RoleID == pim.RoleAdministrator })
	if !own {
		return nil
	}
	until, err := administeredUntil(tx.Reader)
	if err != nil || !slices.ContainsFunc(ends, func(a pim.Assignment) bool { return a.RoleID == pim.RoleAdministrator && a.EndsAt.Equal(until) }) {
		return err
	}
	return tellEndOfAdministration(tx, until)
}
