package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// going is a group that is removed, with what it and the groups around it are assigned.
type going struct {
	id     string
	around []string
	own    []pim.Assignment
	others []pim.Assignment // of the groups around it
}

func goingGroup(r *store.Reader, id string) (g going, err error) {
	up, err := r.GroupsOf(id)
	if err != nil {
		return g, err
	}
	g.id, g.around = id, slices.DeleteFunc(up, func(x string) bool { return x == id })
	if g.own, err = r.AssignmentsOf(id); err != nil || len(g.around) == 0 {
		return g, err
	}
	g.others, err = r.AssignmentsOf(g.around...)
	return g, err
}

func (g going) assignments() (ids []string) {
	for _, asg := range slices.Concat(g.own, g.others) {
		ids = append(ids, asg.ID)
	}
	return ids
}

func (g going) count(r *store.Reader) (*store.Resting, error) {
	rests, err := r.CountResting(g.id, g.assignments())
	return &rests, err
}

// large reports whether too much rests on the group for one write.
func (g going) large(r *store.Reader) (bool, error) {
	var holding []string
	for _, asg := range g.others {
		if asg.Kind == pim.Active {
			holding = append(holding, asg.PrincipalID)
		}
	}
	return r.MuchRests(g.id, g.assignments(), holding, maxTouched)
}
