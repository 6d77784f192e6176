package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// StepUpPage is GET /step-up/:id: what the passkey will confirm, from the server's row (THREATS T8).
func (s *Server) StepUpPage(q *request) error {
	waiting, err := s.broker.StepUp(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return s.stepUpGone(q, err)
	}
	v, err := read(s, q, func(r *store.Reader) (views.StepUpView, error) { return stepUpView(r, q, waiting) })
	if err != nil {
		return err
	}
	if v.Create {
		d, err := data(q.session)
		if err != nil {
			return err
		}
		v.Name = d.PasskeyName
	}
	v.Frame, v.Request = s.frame(q), q.id
	return s.ok(q, views.StepUp(v))
}

// FinishStepUp is POST /step-up/:id: the passkey's answer. What it confirms was stored when it was asked
// for; of the form only the answer counts (invariant 4).
func (s *Server) FinishStepUp(q *request) error {
	id := q.Param("id")
	asked, err := s.broker.StepUp(q.ctx(), q.actor(), id)
	if err != nil {
		return s.stepUpGone(q, err)
	}
	out, err := s.broker.FinishStepUp(q.ctx(), q.actor(), id, []byte(q.FormValue("response")))
	if err == nil {
		s.renew(q)
	}
	switch {
	case err != nil:
		return s.stepUpRefused(q, out, err)
	case out.Voucher != "":
		return s.showVoucher(q, out)
	case asked.Kind == "create":
		err = s.nameMade(q)
	}
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// stepUpRefused says why, with the way back: the question is used up, whatever the answer was.
func (s *Server) stepUpRefused(q *request, out broker.Outcome, err error) error {
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind == pim.KindNotFound {
		return s.stepUpGone(q, err)
	}
	links := []views.Link{{Text: "Start again", Href: out.Back}}
	if out.Back == "" {
		links = nil
	}
	return s.errorPage(q, statuses[refusal.Kind], refusal.Message, links)
}

// stepUpGone is the same for a question that was answered, is too old, or never was this visitor's.
func (s *Server) stepUpGone(q *request, err error) error {
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
		return err
	}
	return s.errorPage(q, http.StatusNotFound, "This confirmation was used already, is older than 5 minutes, or belongs to somebody else. Nothing was done now; look where you came from whether it was done before.", nil)
}

// showVoucher answers with the one page that ever holds the code; the operation's way back names the person.
func (s *Server) showVoucher(q *request, out broker.Outcome) error {
	who, err := read(s, q, func(r *store.Reader) (pim.Principal, error) {
		return r.Principal(strings.TrimSuffix(strings.TrimPrefix(out.Back, "/people/"), "/access"))
	})
	if err != nil {
		return err
	}
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.Voucher(views.VoucherView{Shell: shell, Who: personView(who), Code: out.Voucher, Expires: q.now.Add(broker.VoucherLife)}))
}

// nameMade gives a passkey that was just made the name typed beside it, where that differs.
func (s *Server) nameMade(q *request) error {
	d, err := data(q.session)
	name := strings.TrimSpace(q.FormValue("name"))
	if err != nil || name == "" || name == d.PasskeyName {
		return err
	}
	mine, err := read(s, q, func(r *store.Reader) ([]pim.Credential, error) { return r.CredentialsOf(q.who.ID) })
	if err != nil || len(mine) == 0 {
		return err
	}
	err = s.broker.RenameCredential(q.ctx(), q.actor(), mine[len(mine)-1].ID, name)
	if wrong, other := fieldErrors(err); wrong == nil {
		return other
	}
	return nil // it keeps the name it was asked for with
}

var stepUpTitles = map[pim.StepUpAction]string{
	pim.ActionMarkBreakGlass: "Confirm emergency access", pim.ActionReviewUse: "Confirm your review", pim.ActionApplyReview: "Confirm that the review is applied", pim.ActionSaveHandOut: "Confirm what owners hand out",
	pim.ActionActivate: "Confirm this activation", pim.ActionStart: "Confirm the start", pim.ActionExtend: "Confirm this extension",
	pim.ActionApproveExtension: "Confirm your approval", pim.ActionDenyExtension: "Confirm your denial", pim.ActionApprove: "Confirm your approval", pim.ActionDeny: "Confirm your denial",
	pim.ActionRevoke: "Confirm the revocation", pim.ActionCancelOther: "Confirm the cancellation",
	pim.ActionAddCredential: "Confirm with a passkey you have", pim.ActionRemoveCredential: "Confirm removing a passkey",
	pim.ActionConfirmAccount: "Confirm this account", pim.ActionIssueVoucher: "Confirm issuing a voucher",
	pim.ActionSaveResource: "Confirm this change of a resource", pim.ActionMoveResource: "Confirm moving a resource", pim.ActionRetireResource: "Confirm retiring a resource",
	pim.ActionSaveTarget: "Confirm saving a target", pim.ActionRetireTarget: "Confirm retiring a target", pim.ActionBringIn: "Confirm bringing these in",
	pim.ActionAcceptGone: "Confirm accepting it as gone",
	pim.ActionSavePerson: "Confirm this person", pim.ActionRemovePerson: "Confirm removing a person",
	pim.ActionLinkPeople: "Confirm linking two accounts", pim.ActionUnlinkPerson: "Confirm unlinking an account",
	pim.ActionNameAccount: "Confirm this account", pim.ActionDropAccount: "Confirm taking an account away",
	pim.ActionAskRecovery: "Confirm asking for a recovery", pim.ActionConfirmRecovery: "Confirm a recovery",
	pim.ActionSaveGroup: "Confirm changing a group", pim.ActionRemoveGroup: "Confirm removing a group",
	pim.ActionSaveWorkload: "Confirm this workload", pim.ActionSwitchWorkload: "Confirm this workload", pim.ActionRemoveWorkload: "Confirm removing a workload",
	pim.ActionAddMembers: "Confirm adding members", pim.ActionRemoveMember: "Confirm taking out a member",
	pim.ActionAssign: "Confirm assigning a role", pim.ActionChangeAssignment: "Confirm changing an assignment", pim.ActionRemoveAssignment: "Confirm removing an assignment",
	pim.ActionChangeAssignments: "Confirm another end of assignments",
	pim.ActionDecideAssignment:  "Confirm your decision",
	pim.ActionDisablePerson:     "Confirm disabling a person", pim.ActionEnablePerson: "Confirm enabling a person", pim.ActionEndSessions: "Confirm ending sessions",
	pim.ActionSaveSettings: "Confirm these settings", pim.ActionSaveSync: "Confirm following a directory", pim.ActionRemoveSync: "Confirm no longer following a directory", pim.ActionConfirmSync: "Confirm letting people go",
	pim.ActionSaveReview: "Confirm this review", pim.ActionRemoveReview: "Confirm ending a series of reviews", pim.ActionChangeReview: "Confirm changing a review",
	pim.ActionStopReview: "Confirm stopping a review", pim.ActionResetReview: "Confirm taking answers back", pim.ActionRemindReviewers: "Confirm reminding reviewers",
	pim.ActionAddReviewers: "Confirm adding reviewers", pim.ActionDeleteReview: "Confirm deleting a review",
	pim.ActionSaveRole: "Confirm this role", pim.ActionRetireRole: "Confirm retiring a role",
}

// stepUpTitle names what is confirmed, and how many of it.
func stepUpTitle(items []pim.StepUpItem) string {
	title := stepUpTitles[items[0].Action]
	words := map[pim.StepUpAction]string{pim.ActionActivate: "activations", pim.ActionApprove: "approvals", pim.ActionDeny: "denials"}
	if many := words[items[0].Action]; len(items) > 1 && many != "" {
		title = fmt.Sprintf("Confirm %d %s", len(items), many)
	}
	return title
}

func stepUpView(r *store.Reader, q *request, w broker.StepUpView) (views.StepUpView, error) {
	v := views.StepUpView{ID: w.ID, Create: w.Kind == "create", Title: stepUpTitle(w.Items), Options: string(w.Options), Expires: w.Expires,
		Back: views.Link{Href: w.Back}}
	if len(w.Contexts) > 0 && w.Kind == "provider" {
		v.Provider, v.Contexts = "/step-up/"+w.ID+"/provider", w.Contexts
	}
	if v.Create {
		v.Title, v.Back.Text = "Create your passkey", "Cancel"
		return v, nil
	}
	if v.Provider == "" {
		v.Digest = digestOf(q, w)
	}
	for i, item := range w.Items {
		view, err := stepUpItem(r, q, w, i, item)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, view)
	}
	return v, nil
}

// digestOf shortens what the passkey signs.
func digestOf(q *request, w broker.StepUpView) string {
	sum := sha256.Sum256(pim.CanonicalItems(q.who.PersonID, w.Items))
	return shortDigest(base64.StdEncoding.EncodeToString(sum[:]))
}

// stepUpItem says one thing in words, with what it is about.
func stepUpItem(r *store.Reader, q *request, w broker.StepUpView, n int, item pim.StepUpItem) (views.StepUpItem, error) {
	i := ids{roles: []string{item.RoleID}, resources: []string{item.ResourceID}}
	names, err := namesOf(r, i)
	if err != nil {
		return views.StepUpItem{}, err
	}
	role := names.role(item.RoleID, item.ResourceID)
	v := views.StepUpItem{Role: role.Name, Scope: role.Scope, Duration: seconds(item.Duration), Start: instant(item.Start), Until: instant(item.Until), Reason: w.Reason, Person: q.who.Name}
	if zone := q.reader().Zone; zone != nil && item.Start != 0 {
		v.StartNote = comesTwice(v.Start, zone)
	}
	if len(w.Requests) > n {
		req := w.Requests[n]
		v.Reason, v.Ticket = req.Justification, strings.TrimSpace(req.TicketNumber+" "+req.TicketSystem)
	}
	if x := w.Extension; x != nil {
		v.Reason, v.Ticket = x.Justification, strings.TrimSpace(x.TicketNumber+" "+x.TicketSystem)
	}
	if len(w.Says) > 0 {
		v.Person, v.Says = "", w.Says // the sentences name whom it is about
		return v, nil
	}
	return v, aboutItem(r, q, item, &v)
}

// aboutItem fills whom and what an action is about.
func aboutItem(r *store.Reader, q *request, item pim.StepUpItem, v *views.StepUpItem) error {
	personID := item.Object
	switch item.Action {
	case pim.ActionActivate:
		return activateItem(r, item, v)
	case pim.ActionStart:
		return nil
	case pim.ActionExtend:
		v.From, v.FromEnd, v.Until = "longer", v.Until, time.Time{}
		return nil
	case pim.ActionApproveExtension, pim.ActionDenyExtension:
		x, err := r.Extension(item.Object)
		if err != nil {
			return err
		}
		personID, v.From, v.Ticket = x.PrincipalID, "longer", strings.TrimSpace(x.TicketNumber+" "+x.TicketSystem)
	case pim.ActionApprove, pim.ActionDeny, pim.ActionRevoke, pim.ActionCancelOther:
		a, err := r.Activation(item.Object)
		if err != nil {
			return err
		}
		personID, v.Ticket = a.PrincipalID, ticketText(a)
		if item.Action == pim.ActionApprove {
			v.From = "from the approval"
			if item.Start != 0 {
				v.From = "from the start"
			}
		}
	case pim.ActionRemoveCredential:
		c, err := r.Credential(item.Object)
		v.Object = c.Name
		return err
	case pim.ActionConfirmAccount:
		a, err := r.Account(item.Object)
		if err != nil {
			return err
		}
		t, err := r.Target(a.TargetID)
		if err != nil {
			return err
		}
		personID, v.Object = a.PrincipalID, a.Name+" at "+t.Name+", "+a.ExternalID
	}
	people, err := r.Names([]string{personID})
	v.Person = people[personID]
	return err
}

// instant reads µs since 1970; 0 is none.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// activateItem says from when the time counts.
func activateItem(r *store.Reader, item pim.StepUpItem, v *views.StepUpItem) error {
	role, err := r.Role(item.RoleID)
	if err != nil {
		return err
	}
	path, err := r.Path(item.ResourceID)
	if err != nil {
		return err
	}
	rows, err := r.Settings(item.RoleID)
	if v.From = "from now"; item.Start != 0 {
		v.From = "from the start"
		return err
	}
	if pim.ResolveSettings(role, path, rows).Approval {
		v.From = "from the approval"
	}
	return err
}
