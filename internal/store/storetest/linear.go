package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"stint/internal/pim"
	"stint/internal/store"
)

// step is one thing somebody does with the one open activation of a person, role and resource.
type step struct {
	what string // ask, approve, deactivate or look
	key  string // the resource
	id   string // which activation; empty of a look
}

// found is what came of it: whether it was done, and of a look what was open.
type found struct {
	done bool
	open held
}

type held struct {
	id     string // empty: nothing is open
	active bool   // else it waits
}

// oneAtATime is what the store promises of them: each happens at once, at one instant between its call and its answer,
// and a change happens only to what is as it was seen (DESIGN §4 invariants 2 and 3).
var oneAtATime = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		by := map[string][]porcupine.Operation{}
		for _, o := range all {
			key := o.Input.(step).key
			by[key] = append(by[key], o)
		}
		var out [][]porcupine.Operation
		for _, some := range by {
			out = append(out, some)
		}
		return out
	},
	Init: func() any { return held{} },
	Step: func(state, input, output any) (bool, any) {
		is, do, got := state.(held), input.(step), output.(found)
		next, may := is, false
		switch do.what {
		case "look":
			return got.open == is, is
		case "ask":
			next, may = held{id: do.id}, is.id == ""
		case "approve":
			next, may = held{id: do.id, active: true}, is == held{id: do.id}
		case "deactivate":
			next, may = held{}, is == held{id: do.id, active: true}
		}
		if !may {
			next = is
		}
		return got.done == may, next
	},
}

// linear lets several people's requests, approvals and deactivations meet, and asks whether there is an order of them that
// explains every answer.
func linear(t *testing.T, s *store.Store) {
	world(t, s)
	keys := []string{"prod", "second"}
	do(t, s, func(tx *store.Tx) error { return tx.InsertResource(resource("second", "")) })
	var clock atomic.Int64
	var mu sync.Mutex
	var history []porcupine.Operation
	record := func(client int, do step, fn func() (found, error)) held {
		call := clock.Add(1)
		got, err := fn()
		answered := clock.Add(1)
		if err != nil {
			t.Errorf("%s: %v", do.what, err)
		}
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{ClientId: client, Input: do, Call: call, Output: got, Return: answered})
		return got.open
	}
	var all sync.WaitGroup
	for client := range 6 {
		all.Go(func() {
			for turn := range 30 {
				key := keys[(client+turn)%len(keys)]
				open := record(client, step{"look", key, ""}, func() (found, error) { return looked(s, key) })
				switch {
				case open.id == "":
					id := "act-" + rand.Text()
					record(client, step{"ask", key, id}, func() (found, error) { return changed(s, func(tx *store.Tx) error { return asked(tx, id, key) }) })
				case !open.active:
					record(client, step{"approve", key, open.id}, func() (found, error) {
						return changed(s, func(tx *store.Tx) error { return approved(tx, open.id, key) })
					})
				default:
					record(client, step{"deactivate", key, open.id}, func() (found, error) {
						return changed(s, func(tx *store.Tx) error { return deactivated(tx, open.id, key) })
					})
				}
			}
		})
	}
	all.Wait()
	if porcupine.CheckOperationsTimeout(oneAtATime, history, 30*time.Second) != porcupine.Ok {
		t.Errorf("no order explains these answers: %+v", history)
	}
	// An id is approved once; asked for again it may well be, when nothing is open any more.
	won := slices.IndexFunc(history, func(o porcupine.Operation) bool { return o.Input.(step).what == "approve" && o.Output.(found).done })
	if won < 0 {
		t.Fatal("nothing was approved")
	}
	twice := history[won]
	twice.Call, twice.Return = clock.Add(1), clock.Add(1)
	if porcupine.CheckOperationsTimeout(oneAtATime, append(history, twice), 30*time.Second) != porcupine.Illegal {
		t.Error("an answer that was given twice is explained, so this proves nothing")
	}
}

func looked(s *store.Store, key string) (found, error) {
	open, err := store.Read(context.Background(), s, func(r *store.Reader) ([]pim.Activation, error) {
		return r.OpenActivations("human-alice", "dba", key)
	})
	if err != nil || len(open) == 0 {
		return found{}, err
	}
	return found{open: held{open[0].ID, open[0].State == pim.ActiveConfirmed}}, nil
}

// changed tells what lost a race from what failed.
func changed(s *store.Store, fn func(*store.Tx) error) (found, error) {
	err := store.Do(context.Background(), s, fn)
	if errors.Is(err, store.ErrOpen) || errors.Is(err, store.ErrConflict) {
		return found{}, nil
	}
	return found{done: err == nil}, err
}

func asked(tx *store.Tx, id, key string) error {
	a := activation(id, pim.PendingApproval, tx.Now)
	a.ResourceID = key
	emit(tx, "alice")
	return tx.InsertActivation(a)
}

func approved(tx *store.Tx, id, key string) error {
	a := activation(id, pim.ActiveConfirmed, tx.Now)
	a.ResourceID = key
	emit(tx, "bob")
	return tx.MoveActivation(pim.PendingApproval, a)
}

func deactivated(tx *store.Tx, id, key string) error {
	a := activation(id, pim.Deactivated, tx.Now)
	a.ResourceID, a.EndedAt, a.Version = key, tx.Now, 2
	emit(tx, "alice")
	return tx.MoveActivation(pim.ActiveConfirmed, a)
}
