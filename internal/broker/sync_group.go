package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// syncGroups lets groups follow the directory's. A group that cannot be read, or reads as empty while it was not,
// stays as it is: absent is not empty.
func (b *Broker) syncGroups(ctx context.Context, run *syncing) error {
	for _, g := range run.Settings.Groups {
		if err := b.syncGroup(ctx, run, g); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) syncGroup(ctx context.Context, run *syncing, g pim.SyncGroup) error {
	_, conn, err := b.directory(ctx, run.TargetID)
	if err != nil {
		return err
	}
	holders, err := membersOf(ctx, conn, g.ID)
	if err != nil {
		run.trouble = append(run.trouble, g.Directory+" could not be read, so its members stay as they are: "+sentence(err.Error())+".")
		return nil
	}
	join, leave, err := b.compareMembers(ctx, run, g, holders)
	if err != nil {
		return err
	}
	switch {
	case len(holders) == 0 && len(leave) > 0:
		run.trouble = append(run.trouble, g.Directory+" reads as empty, so its members stay in. If it is, take them out of the group here.")
		leave = nil
	case run.Allowed == 0 && len(leave) > max(SyncGroupShare*(len(holders)+len(leave))/100, pim.SyncFew):
		run.trouble = append(run.trouble, g.Directory+" has lost so many members that they stay in. Look there; a run that is confirmed takes them out.")
		leave = nil
	}
	if run.run.Preview {
		return b.showMembers(ctx, run, g.GroupID, holders, join, leave)
	}
	return errors.Join(b.changeMembers(ctx, run, g, join, true), b.changeMembers(ctx, run, g, leave, false))
}

// showMembers lists who would join a group or leave it, those too who are added in the same run.
func (b *Broker) showMembers(ctx context.Context, run *syncing, groupID string, holders, join, leave []string) error {
	shown := slices.Concat([]string{groupID}, join[:min(len(join), syncListed)], leave[:min(len(leave), syncListed)])
	names, err := store.Read(ctx, b.store, func(r *store.Reader) (map[string]string, error) { return r.Names(shown) })
	if err != nil {
		return err
	}
	group := []string{names[groupID]}
	for _, id := range join {
		run.run.Counts.Joined++
		run.list(store.SyncChange{Kind: "joined", PrincipalID: id, Name: names[id], Words: group})
	}
	for _, external := range holders {
		if name, ok := run.adding[external]; ok {
			run.run.Counts.Joined++
			run.list(store.SyncChange{Kind: "joined", Name: name, Words: group})
		}
	}
	for _, id := range leave {
		run.run.Counts.Left++
		run.list(store.SyncChange{Kind: "left", PrincipalID: id, Name: names[id], Words: group})
	}
	return nil
}

// SyncGroupShare is how many percent of a group's members may leave in one run.
const SyncGroupShare = 50

// membersOf lists a group's members as a whole, or not at all.
func membersOf(ctx context.Context, conn connector.Connector, id string) (out []string, err error) {
	for account, err := range conn.List(ctx, connector.EntitlementID(id)) {
		if err != nil {
			return nil, err
		}
		if !account.Unnamed() {
			out = append(out, string(account))
		}
	}
	return out, nil
}

func (b *Broker) compareMembers(ctx context.Context, run *syncing, g pim.SyncGroup, holders []string) (join, leave []string, err error) {
	type both struct{ join, leave []string }
	found, err := store.Read(ctx, b.store, func(r *store.Reader) (v both, err error) {
		want := map[string]bool{}
		for some := range slices.Chunk(holders, syncBatch) {
			links, err := r.SyncLinks(run.TargetID, some)
			if err != nil {
				return v, err
			}
			for _, l := range links {
				want[l.Principal.ID] = !l.Removed
			}
		}
		have, err := r.MembersFrom(g.GroupID, pim.SourceDirectory)
		if err != nil {
			return v, err
		}
		for _, id := range have {
			if !want[id] {
				v.leave = append(v.leave, id)
			}
			delete(want, id)
		}
		for id, yes := range want {
			if yes {
				v.join = append(v.join, id)
			}
		}
		slices.Sort(v.join)
		return v, nil
	})
	return found.join, found.leave, err
}

// changeMembers lets people join or leave, a few in one write.
func (b *Broker) changeMembers(ctx context.Context, run *syncing, g pim.SyncGroup, people []string, joins bool) error {
	for len(people) > 0 {
		some := people[:min(disableAtOnce*2, len(people))]
		var words []store.SyncChange
		err := b.paced(ctx, run, func(tx *store.Tx) (err error) {
			change := func() ([]store.SyncChange, error) { return b.changeSome(tx, g, some, joins) }
			if words, err = nil, nil; joins {
				words, err = change()
			} else {
				words, err = watchEnd(tx, pim.System, change)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range words {
			switch c.Kind {
			case "joined":
				run.run.Counts.Joined++
			case "left":
				run.run.Counts.Left++
			case "refused":
				run.trouble = append(run.trouble, c.Name+" does not join "+c.Words[0]+": they named it themselves, and it has a privileged role. Another administrator adds them here.")
				continue
			default:
				run.run.Counts.Kept++
				run.trouble = append(run.trouble, c.Name+" stays in the group: "+c.Words[0])
			}
			run.list(c)
		}
		people = people[len(some):]
	}
	return nil
}

func (b *Broker) changeSome(tx *store.Tx, from pim.SyncGroup, some []string, joins bool) (out []store.SyncChange, err error) {
	groupID := from.GroupID
	g, err := tx.Principal(groupID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // removed since: nobody is in it
	}
	if err != nil {
		return nil, err
	}
	s, err := stakesOf(tx.Reader, groupID)
	if err != nil {
		return nil, err
	}
	for _, id := range some {
		p, err := tx.Principal(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := store.SyncChange{Kind: "joined", PrincipalID: id, Name: p.Name, Words: []string{g.Name}}
		m := pim.Membership{GroupID: groupID, MemberID: id, Source: pim.SourceDirectory}
		own := false
		if own, err = s.namedThemselves(tx.Reader, p, from.By); err != nil {
			return nil, err
		}
		if joins && own {
			c.Kind = "refused"
		} else if joins {
			err = b.join(tx, s, m, pim.System, "")
		} else {
			c.Kind, c.Words, err = b.leaveSynced(tx, s, m, c.Words)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// leaveSynced takes somebody out of a group unless nobody could administer Stint then.
func (b *Broker) leaveSynced(tx *store.Tx, s stakes, m pim.Membership, words []string) (string, []string, error) {
	err := keepAdministrator(tx, func() error { return tx.RemoveMember(m) })
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return "kept", []string{"without them nobody would be able to administer Stint."}, nil
	}
	if err != nil {
		return "", nil, err
	}
	if err := tx.RemoveMember(m); err != nil {
		return "", nil, err
	}
	tx.Emit(pim.PersonEvent(pim.EvMemberRemoved, pim.System, m.MemberID, m.GroupID).With("source", string(m.Source)))
	return "left", words, b.followMember(tx, s, m.MemberID)
}
