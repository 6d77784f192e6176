package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// leaving is how many members one write makes members added by hand.
const leaving = 200

// unfed are the groups that a sync with other settings, or none, does not feed any more.
func unfed(was, next []pim.SyncGroup) (out []string) {
	for _, g := range was {
		if !slices.ContainsFunc(next, func(x pim.SyncGroup) bool { return x.GroupID == g.GroupID }) {
			out = append(out, g.GroupID)
		}
	}
	return out
}

// leftInWords says what becomes of the members that groups have from a directory.
func leftInWords(r *store.Reader, groups []string) (says []string, err error) {
	names, err := r.Names(groups)
	if err != nil {
		return nil, err
	}
	for _, id := range groups {
		n, err := r.CountMembersFrom(id, pim.SourceDirectory)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			says = append(says, fmt.Sprintf("%s keeps %s, from then on as if added by hand.", names[id],
				pim.Plural(n, "member it has from the directory", "members it has from the directory")))
		}
	}
	return says, nil
}

// leaveMembers has the members of groups that are not fed any more made members added by hand.
func (b *Broker) leaveMembers(tx *store.Tx, groups []string) error {
	all, err := leftOf(tx.Reader)
	if err != nil || len(groups) == 0 {
		return err
	}
	tx.AfterCommit(b.Wake)
	return tx.SetMeta(store.MetaSyncLeft, asText(append(all, groups...)))
}

func asText(groups []string) string {
	if len(groups) == 0 {
		return ""
	}
	text, _ := json.Marshal(groups) // of strings it does not fail
	return string(text)
}

func leftOf(r *store.Reader) (groups []string, err error) {
	text, err := r.Meta(store.MetaSyncLeft)
	if err != nil || text == "" {
		return nil, err
	}
	return groups, json.Unmarshal([]byte(text), &groups)
}

// leaveDue does what leaveMembers asked for, a few members in one write.
func (b *Broker) leaveDue(ctx context.Context) error {
	for {
		left, err := store.Read(ctx, b.store, leftOf)
		if err != nil || len(left) == 0 {
			return err
		}
		if err := do(ctx, b, leaveSome); err != nil {
			return err
		}
	}
}

func leaveSome(tx *store.Tx) error {
	left, err := leftOf(tx.Reader)
	if err != nil || len(left) == 0 {
		return err
	}
	fed, err := fedAgain(tx.Reader, left[0])
	if err != nil {
		return err
	}
	n := 0
	if !fed {
		if n, err = tx.LeaveMembers(left[0], leaving); err != nil {
			return err
		}
	}
	if n > 0 {
		tx.Emit(pim.Event{Type: pim.EvSyncLeft, Actor: pim.System, ObjectID: left[0], Result: pim.OK, Facts: map[string]any{"members": int64(n)}})
	}
	if n == leaving {
		return nil
	}
	return tx.SetMeta(store.MetaSyncLeft, asText(left[1:]))
}

func fedAgain(r *store.Reader, groupID string) (bool, error) {
	all, err := r.Syncs()
	for _, s := range all {
		if slices.ContainsFunc(s.Settings.Groups, func(g pim.SyncGroup) bool { return g.GroupID == groupID }) {
			return true, err
		}
	}
	return false, err
}
