package web

import (
	"fmt"
	"strings"

	"stint/views"
)

// candidates are what a text that was typed may mean: whatever has it in its name, and of that what is called just so.
type candidates struct{ found, exact map[string]string } // id to name

func (c *candidates) add(id, name string, exact bool) {
	if c.found == nil {
		c.found, c.exact = map[string]string{}, map[string]string{}
	}
	if c.found[id] = name; exact {
		c.exact[id] = name
	}
}

// theOne is the id that was meant, or "" with the reason at the field.
func (c candidates) theOne(field, none string, wrong views.Errors) string {
	found := c.found
	if len(c.exact) > 0 {
		found = c.exact
	}
	list := sortedByName(found)
	switch len(list) {
	case 0:
		wrong[field] = none
		return ""
	case 1:
		return list[0]
	}
	var names []string
	for _, id := range list[:min(len(list), 5)] {
		names = append(names, found[id])
	}
	wrong[field] = fmt.Sprintf("%d match: %s. Write more of it, or the id.", len(list), strings.Join(names, ", "))
	return ""
}
