package web

import (
	"slices"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

var targetKindWords = map[string]string{"ldap": "LDAP or Active Directory", "postgres": "PostgreSQL"}

// secretWords are what the credential of a kind is called; any other needs none, or a form would have to say so.
var secretWords = map[string]string{"ldap": "Bind password", "postgres": "Password"}

func targetFormIn(r *store.Reader, f broker.TargetForm) (v views.TargetFormView, err error) {
	v = views.TargetFormView{ID: f.ID, Title: "Connect a target", Kind: f.Kind, Name: f.Name, Version: strconv.FormatInt(f.Version, 10), Authoritative: f.Authoritative,
		MayWrite: strings.Join(f.MayWrite, "\n"), Below: f.BelowID}
	kinds := broker.TargetKinds()
	if !slices.Contains(kinds, f.Kind) {
		v.Kind = ""
		for _, k := range kinds {
			v.Kinds = append(v.Kinds, views.Option{Value: k, Label: orElse(targetKindWords[k], k)})
		}
		return v, nil
	}
	for _, field := range broker.TargetFields(f.Kind) {
		v.Fields = append(v.Fields, settingField(field, f.Settings[field.Name]))
	}
	v.SecretName = orElse(secretWords[f.Kind], "Credential")
	if f.ID == "" {
		v.Title = "Connect " + orElse(targetKindWords[f.Kind], f.Kind)
		v.Places, err = placesForTarget(r)
		return v, err
	}
	row, err := r.Target(f.ID)
	v.Title, v.Kept, v.FromFile = "Edit "+row.Name, row.Sealed != "", row.Source == pim.SourceFile
	v.SecretFrom = row.SecretFrom
	return v, err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func settingField(f broker.TargetField, value string) views.SettingField {
	out := views.SettingField{Name: f.Name, Label: settingTerm(f.Name), Help: f.Help, Value: value, Lines: f.Lines}
	words := map[string]string{"false": "No", "true": "Yes"}
	for _, c := range f.Choices {
		out.Choices = append(out.Choices, views.Option{Value: c, Label: orElse(words[c], c)})
	}
	return out
}

// placesForTarget are the places of a new target's resource: the top, and below each root.
func placesForTarget(r *store.Reader) ([]views.Option, error) {
	out := []views.Option{{Value: "", Label: "At the top of the tree"}}
	roots, err := r.Siblings("", pageSize)
	for _, s := range roots {
		if s.ID != pim.StintResource {
			out = append(out, views.Option{Value: s.ID, Label: "Below " + s.Name})
		}
	}
	return out, err
}

// placesOfTarget are the resources of a target: those that name it, with what stands right below them.
func placesOfTarget(r *store.Reader, targetID string) (out []views.Option, err error) {
	own, err := r.ResourcesOfTarget(targetID, pageSize)
	if err != nil {
		return nil, err
	}
	for _, s := range own {
		path, err := r.Path(s.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, views.Option{Value: s.ID, Label: strings.Join(path.Names(), " › ")})
		below, err := r.Siblings(s.ID, pageSize)
		if err != nil {
			return nil, err
		}
		for _, b := range below {
			if b.TargetID == "" && b.Kind != "group" && b.Kind != "database-role" {
				out = append(out, views.Option{Value: b.ID, Label: strings.Join(append(path.Names(), b.Name), " › ")})
			}
		}
	}
	return out, nil
}

func foundRows(list []broker.Found, picked []string) (out []views.FoundRow) {
	for _, f := range list {
		out = append(out, views.FoundRow{ID: f.ID, Name: f.Name, Detail: f.Detail, Refused: f.Refused, Means: f.Means, Picked: slices.Contains(picked, f.ID),
			Owners: f.Owners, NoOwners: f.NoOwners, Owned: f.Owned, OwnersPicked: slices.Contains(picked, f.Owners)})
	}
	return out
}
