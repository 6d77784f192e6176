package broker

import (
	"context"
	"errors"

	"stint/internal/pim"
	"stint/internal/store"
)

// PlaceRules is what the form of an assignment says of one role on one resource.
type PlaceRules struct {
	Role     pim.RoleDefinition
	Path     pim.Path
	Eligible pim.AssignmentRules
	Active   pim.AssignmentRules
}

// AssignItem is one assignment of a request as it would be.
type AssignItem struct {
	Principal pim.Principal
	Role      pim.RoleDefinition
	Path      pim.Path
	Terms     pim.AssignmentTerms // with the dates that would hold
	Verdicts  []pim.Verdict
	Refusal   *pim.Refusal
}

// AssignCheck is what a form shows before anything is made.
type AssignCheck struct {
	Items []AssignItem // one for each principal and place
	Rules map[Place]PlaceRules
	Touch bool
}

// CheckAssign answers every rule without writing anything; it may be asked before anybody is chosen.
func (b *Broker) CheckAssign(ctx context.Context, actor Actor, q AssignRequest) (AssignCheck, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (AssignCheck, error) {
		c := AssignCheck{Rules: map[Place]PlaceRules{}}
		who, err := person(r, actor)
		if err != nil {
			return c, err
		}
		for _, p := range q.Places[:min(len(q.Places), pim.MaxAssign)] {
			if c.Rules[p], err = rulesOfPlace(r, who, p); err != nil {
				return c, err
			}
		}
		for _, id := range q.Principals[:min(len(q.Principals), pim.MaxAssign)] {
			for _, p := range q.Places[:min(len(q.Places), pim.MaxAssign)] {
				if len(c.Items) == pim.MaxAssign {
					return c, nil
				}
				j, refusal, err := b.judgeNew(r, who, q, assignItem{PrincipalID: id, Place: p}, true)
				if err != nil {
					return c, err
				}
				c.Touch = c.Touch || j.touch
				c.Items = append(c.Items, AssignItem{Principal: j.principal, Role: j.role, Path: j.path, Terms: j.terms, Verdicts: j.verdicts, Refusal: refusal})
			}
		}
		return c, nil
	})
}

func rulesOfPlace(r *store.Reader, who pim.Principal, p Place) (out PlaceRules, err error) {
	if err = handsOut(r, who, p.RoleID, p.ResourceID); err != nil {
		return out, err
	}
	var eff pim.Effective
	if out.Role, out.Path, eff, err = effective(r, p.RoleID, p.ResourceID); err != nil {
		return out, found(err)
	}
	if out.Eligible, err = rulesAt(r, pim.Eligible, out.Role, out.Path, eff); err != nil {
		return out, err
	}
	out.Active, err = rulesAt(r, pim.Active, out.Role, out.Path, eff)
	return out, err
}

// AssignmentView is one assignment as its page shows it.
type AssignmentView struct {
	Row         pim.Assignment
	Holder      pim.Principal // name and kind also of who is gone
	Suspended   string        // "disabled" or "removed": it gives nothing meanwhile (P-11)
	PlaceRules                // zero where role or resource are gone
	MadeBy      string        // name
	Request     *pim.AssignmentRequest
	Requests    []pim.AssignmentRequest // of this assignment, newest first
	Activations int                     // open ones that rest on it
	Mine        bool                    // held by who looks, directly or through a group
	ViaGroup    bool
	Answers     bool          // who looks answers for the workload that holds it
	AskedBy     pim.Principal // whose request it is
	MayManage   bool
	MayDecide   bool   // the request
	MayRequest  bool   // to extend or renew it
	WhyNot      string // why not, for its holder
}

const requestsShown = 20

// AssignmentOf is an assignment for its holder, for who administers it, and for auditors; for others there is none.
func (b *Broker) AssignmentOf(ctx context.Context, actor Actor, id string) (AssignmentView, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (AssignmentView, error) { return viewAssignment(r, actor, id, nil) })
}

// AssignmentRequestOf is the assignment of a request, with that request.
func (b *Broker) AssignmentRequestOf(ctx context.Context, actor Actor, id string) (AssignmentView, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (AssignmentView, error) {
		q, err := r.AssignmentRequest(id)
		if err != nil {
			return AssignmentView{}, found(err)
		}
		return viewAssignment(r, actor, q.AssignmentID, &q)
	})
}

func viewAssignment(r *store.Reader, actor Actor, id string, q *pim.AssignmentRequest) (v AssignmentView, err error) {
	who, err := person(r, actor)
	if err != nil {
		return v, err
	}
	if v.Row, err = r.Assignment(id); err != nil {
		return v, found(err)
	}
	if v.Mine, err = r.Within(who.ID, v.Row.PrincipalID); err != nil {
		return v, err
	}
	if v.Answers, err = answersFor(r, who, v.Row.PrincipalID); err != nil {
		return v, err
	}
	v.ViaGroup = v.Mine && v.Row.PrincipalID != who.ID
	if v.MayManage, err = MayManage(r, who, v.Row.RoleID, v.Row.ResourceID); err != nil {
		return v, err
	}
	if err = mayLook(r, who, v); err != nil {
		return v, err
	}
	if err = v.load(r, who, q); err != nil {
		return v, err
	}
	return v, v.requests(r, who, q)
}

func mayLook(r *store.Reader, who pim.Principal, v AssignmentView) error {
	if v.Mine || v.Answers || v.MayManage {
		return nil
	}
	powers, err := Powers(r, who.ID)
	if err != nil || powers.MayAudit() {
		return err
	}
	return MayRead(r, powers, v.Row.ResourceID)
}

func (v *AssignmentView) load(r *store.Reader, who pim.Principal, q *pim.AssignmentRequest) (err error) {
	var eff pim.Effective
	if v.Role, v.Path, eff, err = effective(r, v.Row.RoleID, v.Row.ResourceID); err == nil {
		if v.Eligible, err = rulesAt(r, pim.Eligible, v.Role, v.Path, eff); err == nil {
			v.Active, err = rulesAt(r, pim.Active, v.Role, v.Path, eff)
		}
	}
	if err != nil && !gone(err) {
		return err
	}
	if v.Holder, err = r.Principal(v.Row.PrincipalID); gone(err) {
		v.Suspended = "removed"
	} else if err != nil {
		return err
	} else if !v.Holder.Enabled {
		v.Suspended = "disabled"
	}
	names, err := r.Names([]string{v.Row.MadeBy, v.Row.PrincipalID})
	if err != nil {
		return err
	}
	v.MadeBy, v.Holder.Name = names[v.Row.MadeBy], names[v.Row.PrincipalID]
	open, err := r.OpenActivationsUsing(v.Row.ID)
	v.Activations = len(open)
	return err
}

func (v *AssignmentView) requests(r *store.Reader, who pim.Principal, q *pim.AssignmentRequest) (err error) {
	if v.Requests, err = r.AssignmentRequestsOn(v.Row.ID, requestsShown); err != nil {
		return err
	}
	v.Request = q
	for i := range v.Requests {
		if v.Request == nil && v.Requests[i].State == pim.AssignmentRequestPending {
			v.Request = &v.Requests[i]
		}
	}
	if v.Request != nil {
		names, err := r.Names([]string{v.Request.Asker()})
		if err != nil {
			return err
		}
		v.AskedBy = pim.Principal{ID: v.Request.Asker(), Name: names[v.Request.Asker()]}
	}
	if v.Request != nil && v.MayManage {
		_, err := decidable(r, who, v.Request.ID)
		if v.MayDecide = err == nil; err != nil && !refused(err) {
			return err
		}
	}
	if !v.Mine && !v.Answers {
		return nil
	}
	_, _, err = askable(r, who, v.Row.ID)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		v.WhyNot, err = refusal.Message, nil
	} else {
		v.MayRequest = err == nil
	}
	return err
}

func refused(err error) bool {
	var refusal *pim.Refusal
	return errors.As(err, &refusal)
}

// MayManage reports whether somebody may give and take a role at a resource right now.
func MayManage(r *store.Reader, who pim.Principal, roleID, resourceID string) (bool, error) {
	err := handsOut(r, who, roleID, resourceID)
	if refused(err) {
		return false, nil
	}
	return err == nil, err
}

// MayManageAll is MayManage for all the places on a page; what somebody may is read once.
func MayManageAll(r *store.Reader, who pim.Principal, places []Place) (map[Place]bool, error) {
	powers, err := Powers(r, who.ID)
	out := make(map[Place]bool, len(places))
	for _, p := range places {
		if _, known := out[p]; known || err != nil {
			continue
		}
		refusal := handsOutBy(r, powers, p.RoleID, p.ResourceID)
		if out[p] = refusal == nil; !refused(refusal) {
			err = refusal
		}
	}
	return out, err
}

// AssignmentRequestRow is a waiting request with who asks.
type AssignmentRequestRow struct {
	pim.AssignmentRequest
	Assignment pim.Assignment
	Requester  string // name of who holds it
	By         string // name of who asked for the workload that holds it; empty: the holder
}

// requestsExamined bounds one page of the queue: of what waits elsewhere a page sees this many.
const requestsExamined = 1000

// AssignmentRequests lists what waits and the actor may decide, oldest first; next is where a further page begins.
func (b *Broker) AssignmentRequests(ctx context.Context, actor Actor, after store.Keyset, limit int) (rows []AssignmentRequestRow, next store.Keyset, err error) {
	type page struct {
		rows []AssignmentRequestRow
		next store.Keyset
	}
	p, err := store.Read(ctx, b.store, func(r *store.Reader) (p page, err error) {
		who, err := person(r, actor)
		if err != nil {
			return p, err
		}
		waiting, err := r.PendingAssignmentRequests(after, requestsExamined)
		if err != nil {
			return p, err
		}
		mine, err := decidableAmong(r, who, waiting)
		if err != nil {
			return p, err
		}
		if len(mine) > limit {
			mine = mine[:limit]
			last := mine[limit-1]
			p.next = store.Keyset{At: last.RequestedAt, ID: last.ID}
		} else if len(waiting) == requestsExamined {
			last := waiting[len(waiting)-1]
			p.next = store.Keyset{At: last.RequestedAt, ID: last.ID}
		}
		p.rows, err = requestRows(r, mine)
		return p, err
	})
	return p.rows, p.next, err
}

// decidableAmong keeps the requests somebody may decide; each place is asked about once.
func decidableAmong(r *store.Reader, who pim.Principal, waiting []pim.AssignmentRequest) (out []pim.AssignmentRequest, err error) {
	may := map[Place]bool{}
	same, err := samePeople(r, who.ID)
	if err != nil {
		return nil, err
	}
	for _, q := range waiting {
		p := Place{q.RoleID, q.ResourceID}
		if _, known := may[p]; !known {
			if may[p], err = MayManage(r, who, q.RoleID, q.ResourceID); err != nil {
				return nil, err
			}
		}
		if may[p] && !same[q.PrincipalID] {
			out = append(out, q)
		}
	}
	return out, nil
}

func requestRows(r *store.Reader, requests []pim.AssignmentRequest) ([]AssignmentRequestRow, error) {
	out := make([]AssignmentRequestRow, len(requests))
	for i, q := range requests {
		asg, err := r.Assignment(q.AssignmentID)
		if err != nil {
			return nil, err
		}
		names, err := r.Names([]string{q.PrincipalID, q.AskedBy})
		if err != nil {
			return nil, err
		}
		out[i] = AssignmentRequestRow{AssignmentRequest: q, Assignment: asg, Requester: names[q.PrincipalID], By: names[q.AskedBy]}
	}
	return out, nil
}

// CountAssignmentRequests counts what waits and somebody may decide, up to a hundred.
func CountAssignmentRequests(r *store.Reader, who pim.Principal) (int, error) {
	waiting, err := r.PendingAssignmentRequests(store.Keyset{}, 100)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	mine, err := decidableAmong(r, who, waiting)
	return len(mine), err
}
