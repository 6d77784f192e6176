package broker

import (
	"context"
	"math"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// moveResource puts a node with everything below it below another one.
type moveResource struct {
	ID, ParentID string
	Version      int64
	Change       string `json:",omitempty"` // the id of what is carried out in pieces
	Loses        int64  `json:",omitempty"` // assignments above that reach it no longer, and from then on:
	Gains        int64  `json:",omitempty"` // counted before the writer was asked
}

// MoveResource moves a node; what is inherited from above changes with it, and everything that rests on it is judged
// again in the same transaction (THREATS T23). What is too much for one write is judged again in pieces; rules and reach
// are those of the new place from the decision on all the same, since they are computed.
func (b *Broker) MoveResource(ctx context.Context, actor Actor, id, parentID string, version int64) (Outcome, error) {
	op := &moveResource{ID: id, ParentID: parentID, Version: version, Change: NewID()}
	if err := b.look(ctx, op.count); err != nil {
		return Outcome{}, err
	}
	return b.operate(ctx, actor, "/resources/"+id+"/move", op)
}

// count counts what reaches the node from above, and lets what only the definitions say be remembered for the writer.
func (o *moveResource) count(r *store.Reader) error {
	node, err := r.Resource(o.ID)
	if err != nil {
		return found(err)
	}
	stands, err := standsAt(r, o.ID)
	if err != nil {
		return err
	}
	from, err := pathOrTop(r, node.ParentID)
	if err != nil {
		return found(err)
	}
	to, err := pathOrTop(r, o.ParentID)
	if err != nil {
		return goneIs(err) // said at its field
	}
	if o.Loses, err = r.CountAmong(stands.roles, from.Ancestors(to)); err != nil {
		return err
	}
	o.Gains, err = r.CountAmong(stands.roles, to.Ancestors(from))
	return err
}

// MovePreview is what a move would do.
type MovePreview struct {
	Says   []string
	Looser bool // the rules of a privileged role become less strict by it
}

// PreviewMove says what a move would do, or refuses it as the move itself does.
func (b *Broker) PreviewMove(r *store.Reader, who pim.Principal, id, parentID string) (MovePreview, error) {
	o := &moveResource{ID: id, ParentID: parentID}
	if err := o.count(r); err != nil {
		return MovePreview{}, err
	}
	m, err := o.load(r, who)
	return MovePreview{Says: m.says, Looser: m.looser()}, err
}

// stands is what the definitions say of a node and everything below it.
type stands struct {
	levels   int
	meanings []pim.Meaning
	roles    []string // of the meanings
}

type standsKey string

func standsAt(r *store.Reader, id string) (stands, error) {
	return store.Remembered(r, standsKey(id), func() (s stands, err error) {
		levels, err := r.Levels(id)
		if err != nil {
			return s, err
		}
		if s.meanings, err = r.MeaningsUnder(id, math.MaxInt32); err != nil {
			return s, err
		}
		for _, m := range s.meanings {
			s.roles = append(s.roles, m.RoleID)
		}
		s.levels, s.roles = int(levels), slices.Compact(slices.Sorted(slices.Values(s.roles)))
		return s, nil
	})
}

func (o *moveResource) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	m, err := o.load(tx.Reader, who)
	return prepared{item: pim.StepUpItem{Action: pim.ActionMoveResource, Object: o.ID, Version: m.node.Version, ResourceID: o.ID}, touch: true, says: m.says}, err
}

func (o *moveResource) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/resources/" + o.ID}
	m, err := o.load(tx.Reader, who)
	if err != nil {
		return out, err
	}
	was := map[string]bool{}
	if !m.large {
		if was, err = meant(tx.Reader, o.ID); err != nil {
			return out, err
		}
	}
	m.node.ParentID = o.ParentID
	emitResource(tx, m.node, who.ID, evidence)
	if err := tx.UpdateResource(m.node); err != nil {
		return out, moved(err)
	}
	if err := forgetMeanings(tx, who.ID, m.under.meanings); err != nil {
		return out, err
	}
	if len(m.under.meanings) > 0 {
		tx.AfterCommit(b.resolver.soon)
	}
	for _, c := range m.rules {
		if err := loosened(tx, c, who, evidence); err != nil {
			return out, err
		}
	}
	out.Done = m.node.Name + " is moved."
	if m.large {
		out.Done += " What follows from that is being carried out."
		return out, decide(tx, pim.LongChange{ID: o.Change, Kind: pim.LongMove, ResourceID: o.ID, Lose: m.from, Gain: m.to, By: who.ID, Evidence: evidence, About: o.Loses + o.Gains})
	}
	return out, b.rejudge(tx, who.ID, was, m.lose, m.gain)
}
