package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// SettingsPage is GET /roles/:id/settings: the rules of a role at a place, or everywhere.
func (s *Server) SettingsPage(q *request) error {
	id, resource, tab := q.Param("id"), q.QueryParam("resource"), settingsTab(q.QueryParam("tab"))
	view, err := s.broker.SettingsOf(q.ctx(), q.actor(), id, resource)
	if err != nil {
		return err
	}
	v, err := s.settingsView(q, view, formOf(view, tab))
	if err != nil {
		return err
	}
	if v.Try = strings.TrimSpace(clip(q.QueryParam("try"), 200)); v.Try != "" && v.CanEdit {
		if v.Trial, v.TryHits, err = s.tryFor(q, id, resource, v.Try, nil); err != nil {
			return err
		}
	}
	return s.settings(q, http.StatusOK, v)
}

func settingsTab(tab string) string {
	if tab == "assignment" {
		return tab
	}
	return "activation"
}

func (s *Server) settings(q *request, status int, v views.SettingsView) (err error) {
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.Settings(v))
}

// ChangeSettings is POST /roles/:id/settings: looks at the change, goes back to the form, searches approvers, or saves.
func (s *Server) ChangeSettings(q *request) error {
	f, err := settingsFormOf(q)
	if err != nil {
		return err
	}
	view, err := s.broker.SettingsOf(q.ctx(), q.actor(), q.Param("id"), f.resource)
	if err != nil {
		return err
	}
	if !view.MayEdit {
		return pim.Refuse(pim.KindForbidden, "You may read these settings, not change them.")
	}
	row, wrong := f.row(view)
	do := q.FormValue("do")
	if do == "edit" || do == "find" {
		return s.settingsAgain(q, http.StatusOK, view, f, nil)
	}
	if len(wrong) > 0 {
		return s.settingsAgain(q, http.StatusUnprocessableEntity, view, f, wrong)
	}
	change := broker.SettingsChange{Row: row, Confirm: q.FormValue("confirm") == "yes"}
	if do == "save" && s.looserUntyped(q, change) {
		return s.settingsCheck(q, view, f, change, true)
	}
	if do == "save" {
		out, err := s.broker.SaveSettings(q.ctx(), q.actor(), change)
		if err == nil {
			return s.follow(q, out)
		}
		if !unread(err) {
			return s.settingsRefused(q, view, f, err)
		}
	}
	return s.settingsCheck(q, view, f, change, do == "save")
}

// looserUntyped reports whether a change makes a privileged role less strict and its name was not typed; what cannot be
// looked at is refused where it is saved.
func (s *Server) looserUntyped(q *request, change broker.SettingsChange) bool {
	p, err := s.broker.PreviewSettings(q.ctx(), q.actor(), change)
	t := typedForLooser(p)
	return err == nil && !typedOut(q, &t)
}

func typedForLooser(p broker.SettingsPreview) views.Typed {
	if len(p.Loosened) == 0 || !p.Role.Privileged {
		return views.Typed{}
	}
	return views.Typed{Name: p.Role.Name}
}

// unread reports whether the warnings of a change were not confirmed yet.
func unread(err error) bool {
	var r *pim.Refusal
	return errors.As(err, &r) && r.Kind == pim.KindInvalid && r.Field == "confirm"
}

// settingsCheck shows the change before it is saved.
func (s *Server) settingsCheck(q *request, view broker.SettingsView, f settingsForm, change broker.SettingsChange, unconfirmed bool) error {
	p, err := s.broker.PreviewSettings(q.ctx(), q.actor(), change)
	if err != nil {
		return s.settingsRefused(q, view, f, err)
	}
	v, status, err := s.checkView(q, p, change, unconfirmed)
	if err != nil {
		return err
	}
	v.Tab, v.Action, v.Keep = f.tab, "/roles/"+url.PathEscape(view.Role.ID)+"/settings", kept(q, "do", "confirm", "try", "typed")
	return s.page(q, status, views.SettingsCheck(v))
}

// kept is a form as it was sent, to be sent again; some fields left out.
func kept(q *request, without ...string) (out []views.Option) {
	names := make([]string, 0, len(q.Request().PostForm))
	for name := range q.Request().PostForm {
		if !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range q.Request().PostForm[name] {
			out = append(out, views.Option{Value: name, Label: value})
		}
	}
	return out
}

// settingsRefused shows the form again with what was refused at its field; a change that would lock people out is a conflict.
func (s *Server) settingsRefused(q *request, view broker.SettingsView, f settingsForm, err error) error {
	var r *pim.Refusal
	switch {
	case !errors.As(err, &r):
		return err
	case r.Kind == pim.KindInvalid:
		return s.settingsAgain(q, http.StatusUnprocessableEntity, view, f, views.Errors{r.Field: inTitles(r.Message)})
	case r.Kind == pim.KindConflict && r.Field != "":
		return s.settingsAgain(q, http.StatusConflict, view, f, views.Errors{"lockout": inTitles(r.Message)})
	case r.Kind == pim.KindConflict:
		return s.errorPage(q, http.StatusConflict, r.Message, []views.Link{{Text: "Show the settings", Href: settingsHref(view.Role.ID, f.resource)}})
	}
	return err
}

// inTitles says fields as the screen calls them.
func inTitles(message string) string {
	for _, f := range pim.Fields() {
		if strings.Contains(string(f), "_") { // one word reads as it is
			message = strings.ReplaceAll(message, string(f), f.Title())
		}
	}
	return message
}

func settingsHref(roleID, resource string) string {
	href := "/roles/" + url.PathEscape(roleID) + "/settings"
	if resource != "" {
		href += "?resource=" + url.QueryEscape(resource)
	}
	return href
}

func (s *Server) settingsAgain(q *request, status int, view broker.SettingsView, f settingsForm, wrong views.Errors) error {
	v, err := s.settingsView(q, view, f)
	if err != nil {
		return err
	}
	v.Errors, v.Lockout = views.Errors{}, wrong["lockout"]
	for field, text := range wrong {
		i := slices.IndexFunc(v.Rows, func(r views.SettingRow) bool { return r.Field == field })
		switch {
		case i >= 0:
			v.Rows[i].Error = text
		case field != "lockout":
			v.Errors[""] = text
		}
	}
	return s.settings(q, status, v)
}

// SettingsHistoryPage is GET /roles/:id/settings/history: every version of what was set at a place.
func (s *Server) SettingsHistoryPage(q *request) error {
	before, err := parseSeq(q.QueryParam("cursor"))
	if err != nil {
		return echo.ErrBadRequest
	}
	id, resource := q.Param("id"), q.QueryParam("resource")
	h, err := s.broker.SettingsHistory(q.ctx(), q.actor(), id, resource, before)
	if err != nil {
		return err
	}
	v := views.SettingsHistoryView{Resource: resource, Scope: h.Path.Names(), Current: h.Current, CanEdit: h.MayEdit}
	if v.Role, err = s.roleHeadOf(q, id); err != nil {
		return err
	}
	for _, version := range h.Versions {
		v.Versions = append(v.Versions, versionView(version, h.Current))
	}
	next := ""
	if h.Next > 0 {
		next = strconv.FormatInt(h.Next, 10)
	}
	v.Pager = pagerView("/roles/"+url.PathEscape(id)+"/settings/history", url.Values{"resource": {resource}}, q.QueryParam("cursor"), next)
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.SettingsHistory(v))
}

func versionView(v broker.SettingsVersion, current int64) views.SettingsVersion {
	return views.SettingsVersion{Number: v.Version, At: v.ChangedAt, By: v.By, Current: v.Version == current, Removed: v.Removed, Changes: changeViews(v.Changes)}
}

func changeViews(list []broker.SettingsFieldChange) []views.SettingChange {
	out := make([]views.SettingChange, len(list))
	for i, c := range list {
		out[i] = views.SettingChange{Title: c.Title, Was: c.Was, Is: c.Is, Looser: c.Looser}
	}
	return out
}

// RestoreSettings is POST /roles/:id/settings/restore: looks at what bringing an old version back would change, or does it.
func (s *Server) RestoreSettings(q *request) error {
	id, resource := q.Param("id"), storable(q.FormValue("resource"))
	version, err := parseSeq(q.FormValue("version"))
	if err != nil {
		return err
	}
	current, err := parseSeq(q.FormValue("current"))
	if err != nil {
		return err
	}
	change, err := s.broker.SettingsRestore(q.ctx(), q.actor(), id, resource, version, current)
	if err != nil {
		return err
	}
	change.Confirm = q.FormValue("confirm") == "yes"
	save := q.FormValue("do") == "save"
	if save && !s.looserUntyped(q, change) {
		out, err := s.broker.SaveSettings(q.ctx(), q.actor(), change)
		if err == nil {
			return s.follow(q, out)
		}
		if !unread(err) {
			return s.restoreRefused(q, id, resource, err)
		}
	}
	p, err := s.broker.PreviewSettings(q.ctx(), q.actor(), change)
	if err != nil {
		return s.restoreRefused(q, id, resource, err)
	}
	v, status, err := s.checkView(q, p, change, save)
	if err != nil {
		return err
	}
	v.Restores, v.Action, v.Keep = "version "+strconv.FormatInt(version, 10), "/roles/"+url.PathEscape(id)+"/settings/restore", kept(q, "do", "confirm", "try", "typed")
	return s.page(q, status, views.SettingsCheck(v))
}

// restoreRefused says why an old version cannot come back as it is; there is no form to put it right in.
func (s *Server) restoreRefused(q *request, id, resource string, err error) error {
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind != pim.KindInvalid && r.Kind != pim.KindConflict {
		return err
	}
	return s.errorPage(q, http.StatusConflict, inTitles(r.Message), []views.Link{{Text: "Show the settings", Href: settingsHref(id, resource)}})
}

func (s *Server) roleHeadOf(q *request, id string) (views.RoleHead, error) {
	return read(s, q, func(r *store.Reader) (views.RoleHead, error) { return roleHeadIn(r, q, id) })
}
