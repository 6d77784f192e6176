package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// panel is a set of reviewers, named by a hash of who is in it: however many items they review, they are one.
type panel struct {
	hash    string
	members []pim.ReviewSetMember
}

// reviewers knows who reviews what: people as they are at the start, groups opened up to the people in them (W-60).
type reviewers struct {
	stages   []pim.ReviewStage
	chosen   []panel                    // by stage
	fallback []panel                    // by stage
	last     panel                      // administrators of Stint, where nobody else is left
	owners   map[string]panel           // who is assigned Resource Administrator, by resource
	paths    map[string]pim.Path        // of the resources of what is looked at now
	people   map[string]pim.Principal   // managers of who is looked at now
	answers  map[string]panel           // who answer for workloads, by whom they name
	within   map[string]map[string]bool // who is in the groups of what is looked at now: humans, by group
}

func reviewersOf(r *store.Reader, t pim.ReviewTerms) (*reviewers, error) {
	v := &reviewers{stages: t.Stages, owners: map[string]panel{}, paths: map[string]pim.Path{}, people: map[string]pim.Principal{}, answers: map[string]panel{}}
	for _, s := range t.Stages {
		chosen, err := panelOf(r, s.People, false)
		if err != nil {
			return nil, err
		}
		fallback, err := panelOf(r, s.Fallback, true)
		if err != nil {
			return nil, err
		}
		v.chosen, v.fallback = append(v.chosen, chosen), append(v.fallback, fallback)
		if s.Kind == pim.ReviewersOwners && len(v.owners) == 0 {
			if v.owners, err = assignedOwners(r); err != nil {
				return nil, err
			}
		}
	}
	admins, err := r.EligibleOrActiveFor(pim.RoleAdministrator)
	if err == nil {
		v.last, err = panelOf(r, admins, true)
	}
	return v, err
}

// panelOf are the people among principals and in the groups among them, in the order of their ids.
func panelOf(r *store.Reader, ids []string, fallback bool) (panel, error) {
	if len(ids) == 0 {
		return panel{}, nil
	}
	people, err := r.PeopleIn(ids)
	return setOf(people, fallback), err
}

func setOf(people []pim.Principal, fallback bool) panel {
	var out []pim.ReviewSetMember
	for _, p := range people {
		out = append(out, pim.ReviewSetMember{PrincipalID: p.ID, PersonID: p.PersonID, Fallback: fallback})
	}
	slices.SortFunc(out, func(a, b pim.ReviewSetMember) int { return strings.Compare(a.PrincipalID, b.PrincipalID) })
	return panel{hashOf(out), out}
}

// hashOf names reviewers by who they are; they come in the order of their ids.
func hashOf(members []pim.ReviewSetMember) string {
	h := sha256.New()
	for _, m := range members {
		_, _ = fmt.Fprintf(h, "%s %t;", m.PrincipalID, m.Fallback)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// assignedOwners are who is assigned Resource Administrator, eligible or active: to review takes no power, so that nobody
// has to activate it first (W-24 of the incumbent asks for active ones).
func assignedOwners(r *store.Reader) (map[string]panel, error) {
	standing, err := r.Standing(pim.RoleOwner)
	if err != nil {
		return nil, err
	}
	at := map[string][]string{}
	for _, a := range standing {
		at[a.ResourceID] = append(at[a.ResourceID], a.PrincipalID)
	}
	out := make(map[string]panel, len(at))
	for place, ids := range at {
		if out[place], err = panelOf(r, unique(ids), false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// prepare looks up what is needed for some of what is reviewed.
func (v *reviewers) prepare(r *store.Reader, found []store.ReviewCandidate) error {
	kinds := map[pim.ReviewerKind]bool{}
	for _, s := range v.stages {
		kinds[s.Kind] = true
	}
	var places, managers []string
	v.within = map[string]map[string]bool{}
	for _, c := range found {
		if c.Holder.Kind == pim.Group && v.within[c.Holder.ID] == nil {
			people, err := r.PeopleIn([]string{c.Holder.ID})
			if err != nil {
				return err
			}
			in := make(map[string]bool, len(people))
			for _, p := range people {
				in[p.PersonID] = true
			}
			v.within[c.Holder.ID] = in
		}
		if c.Assignment.ResourceID != "" {
			places = append(places, c.Assignment.ResourceID)
		}
		if c.Holder.ManagerID != "" {
			managers = append(managers, c.Holder.ManagerID)
		}
		if id := c.Holder.OwnerID; id != "" && kinds[pim.ReviewersManager] && v.answers[id].hash == "" {
			members, err := panelOf(r, []string{id}, false)
			if err != nil {
				return err
			}
			v.answers[id] = members
		}
	}
	var err error
	if kinds[pim.ReviewersOwners] {
		if v.paths, err = r.Paths(unique(places)); err != nil {
			return err
		}
	}
	if kinds[pim.ReviewersManager] {
		v.people, err = r.PrincipalsOf(unique(managers))
	}
	return err
}

// whoReviews is who reviews one thing in a stage: whom the stage says, unless that is nobody but the person whose access it
// is, or people in the group whose it is; then the fallback, then administrators of Stint. Nobody decides about their own
// access, but where people are asked about themselves.
func (v *reviewers) whoReviews(stage int, c store.ReviewCandidate) panel {
	var said panel
	switch v.stages[stage].Kind {
	case pim.ReviewersChosen:
		said = v.chosen[stage]
	case pim.ReviewersSelf:
		if c.Holder.Kind == pim.Person && c.Holder.Enabled {
			return setOf([]pim.Principal{c.Holder}, false)
		}
	case pim.ReviewersManager:
		said = v.managers(c.Holder)
	case pim.ReviewersOwners:
		said = v.nearestOwners(c)
	}
	for _, members := range []panel{said, v.fallback[stage], v.last} {
		if othersThan(members, v.whose(c.Holder)) {
			return members
		}
	}
	return v.last
}

// whose are the humans whose own access it is: the person's, or everybody's in the group.
func (v *reviewers) whose(p pim.Principal) map[string]bool {
	switch p.Kind {
	case pim.Group:
		return v.within[p.ID]
	case pim.Person:
		return map[string]bool{p.PersonID: true}
	}
	return nil
}

// ownOf lists the reviewers among some who are in the group whose access it is, as it was at the start.
func (v *reviewers) ownOf(p pim.Principal, stages []panel) (ids []string) {
	if p.Kind != pim.Group {
		return nil
	}
	for _, s := range stages {
		for _, m := range s.members {
			if v.within[p.ID][m.PersonID] {
				ids = append(ids, m.PrincipalID)
			}
		}
	}
	return unique(ids)
}

func (v *reviewers) managers(p pim.Principal) panel {
	switch {
	case p.Kind == pim.Workload:
		return v.answers[p.OwnerID]
	case p.Kind == pim.Person:
		if m, ok := v.people[p.ManagerID]; ok && m.Enabled && m.Kind == pim.Person {
			return setOf([]pim.Principal{m}, false)
		}
	}
	return panel{}
}

// nearestOwners are the owners of a place, or of the nearest one above it that has any but the person themselves.
func (v *reviewers) nearestOwners(c store.ReviewCandidate) panel {
	path := v.paths[c.Assignment.ResourceID]
	for i := len(path) - 1; i >= 0; i-- {
		if members := v.owners[path[i].ID]; othersThan(members, v.whose(c.Holder)) {
			return members
		}
	}
	return panel{}
}

func othersThan(p panel, own map[string]bool) bool {
	return slices.ContainsFunc(p.members, func(m pim.ReviewSetMember) bool { return !own[m.PersonID] })
}
