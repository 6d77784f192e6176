package web

import (
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// personView is a person as pages show them.
func personView(p pim.Principal) views.Person {
	detail := p.Department
	if detail == "" {
		detail = p.Email
	}
	return views.Person{ID: p.ID, Name: p.Name, Detail: detail}
}

// roleView is a role with where it is held.
func roleView(name string, path pim.Path) views.Role {
	return views.Role{Name: name, Kind: path.Leaf().Kind, Scope: path.Names()}
}

// names says what ids mean, within one snapshot; what was removed keeps its name.
type names struct {
	roles  map[string]string
	paths  map[string]pim.Path
	people map[string]string
}

// ids collects what names will be asked for.
type ids struct{ roles, resources, people []string }

func (i *ids) activation(a pim.Activation) {
	i.roles = append(i.roles, a.RoleID)
	i.resources = append(i.resources, a.ResourceID)
	i.people = append(i.people, a.PrincipalID)
}

// namesOf reads the names of ids.
func namesOf(r *store.Reader, i ids) (n names, err error) {
	if n.roles, err = r.RoleNames(i.roles); err != nil {
		return n, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return n, err
	}
	if n.paths, err = c.pathsOf(r, i.resources); err != nil {
		return n, err
	}
	n.people, err = r.Names(i.people)
	return n, err
}

func (n names) role(roleID, resourceID string) views.Role {
	return roleView(n.roles[roleID], n.paths[resourceID])
}

// person names somebody by id; Stint itself is nobody's account.
func (n names) person(id string) views.Person {
	if id == pim.System {
		return views.Person{ID: id, Name: "Stint", System: true}
	}
	return views.Person{ID: id, Name: n.people[id]}
}
