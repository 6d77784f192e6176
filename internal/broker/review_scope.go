package broker

import (
	"crypto/sha256"
	"hash"
	"maps"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// freezing is what the start of a review knows while it goes through what is reviewed: who reviews, and how those of one
// department and job use what they hold.
type freezing struct {
	instance  pim.ReviewInstance
	asOwner   bool
	before    string // the instance before it, for what changed since
	peers     map[store.ReviewPeers]store.ReviewPeerUse
	emergency map[string]bool // accounts for emergencies: that they are not used speaks for nothing (T36)
	known     map[setKey]string
	// Of what is frozen since, where all of it was; nil: it was taken up again.
	population hash.Hash
	*reviewers
}

// draft is one item to be, with who reviews it in each stage.
type draft struct {
	key  string
	item pim.ReviewItem
	sets []panel
}

// freezeOf looks up what the start of an instance needs throughout.
func freezeOf(r *store.Reader, i pim.ReviewInstance, asOwner bool) (*freezing, error) {
	f := &freezing{instance: i, asOwner: asOwner, known: map[setKey]string{}}
	if i.After == "" {
		f.population = sha256.New()
	}
	var err error
	if f.reviewers, err = reviewersOf(r, i.Terms); err != nil {
		return nil, err
	}
	last, err := r.ReviewInstances(i.ReviewID, i.Number, 1)
	if err != nil {
		return nil, err
	}
	if len(last) > 0 {
		f.before = last[0].ID
	}
	if i.Terms.Recommend {
		if f.peers, err = r.ReviewPeersUse(f.since()); err != nil {
			return nil, err
		}
		accounts, err := r.BreakGlass()
		f.emergency = make(map[string]bool, len(accounts))
		for _, a := range accounts {
			f.emergency[a.PrincipalID] = true
		}
		return f, err
	}
	return f, nil
}

func (f *freezing) since() time.Time {
	return f.instance.StartedAt.AddDate(0, 0, -f.instance.Terms.LookBack)
}

// drafts makes items of what is in scope after a place: their use, what it speaks for, and who reviews them. Without any
// candidate the scope is at its end; all of them may still be none of an owner's.
func (f *freezing) drafts(r *store.Reader, after string, limit int) (drafts []draft, last string, err error) {
	found, err := r.Reviewed(f.instance.Terms.Scope, f.instance.StartedAt, after, limit)
	if err != nil || len(found) == 0 {
		return nil, "", err
	}
	last = found[len(found)-1].Key()
	if f.asOwner {
		if found, err = handedOutByOwners(r, found); err != nil || len(found) == 0 {
			return nil, last, err
		}
	}
	uses, err := f.uses(r, found)
	if err != nil {
		return nil, "", err
	}
	names, err := sortNames(r, found)
	if err != nil {
		return nil, "", err
	}
	if err := f.prepare(r, found); err != nil {
		return nil, "", err
	}
	for n, c := range found {
		d := draft{key: c.Key(), item: itemOf(f.instance.ID, c)}
		d.item.Frozen = uses[n]
		d.item.SortName, d.item.SortPlace = store.ReviewSort(c.Holder.Name, names[d.item.RoleID], names[d.item.ResourceID+d.item.GroupID])
		for stage := range f.instance.Terms.Stages {
			d.sets = append(d.sets, f.whoReviews(stage, c))
		}
		d.item.Frozen.Within = f.ownOf(c.Holder, d.sets)
		drafts = append(drafts, d)
	}
	return drafts, last, nil
}

func itemOf(instanceID string, c store.ReviewCandidate) pim.ReviewItem {
	a := c.Assignment
	return pim.ReviewItem{InstanceID: instanceID, AssignmentID: a.ID, GroupID: c.GroupID, PrincipalID: c.Holder.ID, PersonID: humanOf(c.Holder), RoleID: a.RoleID,
		ResourceID: a.ResourceID, Kind: a.Kind}
}

// humanOf is the human whose access it is; a group or a workload is nobody.
func humanOf(p pim.Principal) string {
	if p.Kind != pim.Person {
		return ""
	}
	return p.PersonID
}

// handedOutByOwners leaves what owners of the place hand out: an owner's review takes nothing away that its owners could
// not (K-33).
func handedOutByOwners(r *store.Reader, found []store.ReviewCandidate) ([]store.ReviewCandidate, error) {
	lists, err := handOuts(r)
	if err != nil {
		return nil, err
	}
	var out []store.ReviewCandidate
	for _, c := range found {
		role, err := roleOf(r, c.Assignment.RoleID)
		if err == nil {
			var path pim.Path
			path, err = pathOf(r, c.Assignment.ResourceID)
			if err == nil && pim.Listed(role, path, lists) {
				out = append(out, c)
			}
		}
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sortNames are the names of roles, resources and groups by id.
func sortNames(r *store.Reader, found []store.ReviewCandidate) (map[string]string, error) {
	var roles, places, groups []string
	for _, c := range found {
		if c.GroupID != "" {
			groups = append(groups, c.GroupID)
			continue
		}
		roles, places = append(roles, c.Assignment.RoleID), append(places, c.Assignment.ResourceID)
	}
	out, err := r.RoleNames(unique(roles))
	if err != nil {
		return nil, err
	}
	named, err := r.Names(unique(groups))
	if err != nil {
		return nil, err
	}
	maps.Copy(out, named)
	paths, err := r.Paths(unique(places))
	for id, path := range paths {
		out[id] = path.Leaf().Name
	}
	return out, err
}

// uses is what is known of the use of each, and what it speaks for (W-40, W-41).
func (f *freezing) uses(r *store.Reader, found []store.ReviewCandidate) ([]pim.ReviewUse, error) {
	var people, assignments []string
	for _, c := range found {
		if assignments = append(assignments, c.Assignment.ID); c.Assignment.ID != "" && c.Holder.Kind == pim.Person {
			people = append(people, c.Holder.ID)
		}
	}
	used, err := usedBy(r, unique(people), f.since(), f.instance.StartedAt)
	if err != nil {
		return nil, err
	}
	earlier, err := r.ReviewedBefore(f.before, assignments)
	if err != nil {
		return nil, err
	}
	out := make([]pim.ReviewUse, len(found))
	for n, c := range found {
		u := useOf(c)
		used.fill(&u, c, f.since())
		f.fillPeers(&u, c)
		if was, ok := earlier[c.Assignment.ID]; ok && c.Assignment.ID != "" {
			u.Moved = movedSince(was, u)
		}
		if f.instance.Terms.Recommend && !f.emergency[c.Holder.ID] {
			u = pim.Recommend(pim.ReviewCase{Holder: c.Holder.Kind, Kind: c.Assignment.Kind, Use: u, LookBack: f.instance.Terms.LookBack, At: f.instance.StartedAt})
		}
		out[n] = u
	}
	return out, nil
}

func useOf(c store.ReviewCandidate) pim.ReviewUse {
	a, p := c.Assignment, c.Holder
	u := pim.ReviewUse{Version: a.Version, StartsAt: a.StartsAt, EndsAt: a.EndsAt, Source: a.Source, LastSeen: p.LastSeenAt, Department: p.Department, Title: p.Title,
		Manager: p.ManagerID, Enabled: p.Enabled}
	if c.GroupID != "" {
		u.Source, u.MemberOf = c.MemberOf, memberOf[c.MemberOf]
	}
	return u
}

// memberOf says where a membership came from.
var memberOf = map[pim.Source]string{pim.SourceFile: "file", pim.SourceBrowser: "local", pim.SourceSignIn: "claim", pim.SourceDirectory: "directory"}

func movedSince(was, now pim.ReviewUse) string {
	switch {
	case was.Department != now.Department:
		return "department"
	case was.Manager != now.Manager:
		return "manager"
	}
	return ""
}

// fillPeers counts others of the same department and job who hold the same.
func (f *freezing) fillPeers(u *pim.ReviewUse, c store.ReviewCandidate) {
	if c.Holder.Kind != pim.Person || c.Assignment.Kind != pim.Eligible {
		return
	}
	all, ok := f.peers[store.ReviewPeers{RoleID: c.Assignment.RoleID, ResourceID: c.Assignment.ResourceID, Department: c.Holder.Department, Title: c.Holder.Title}]
	if !ok {
		return
	}
	u.Peers, u.PeersUse = all.Holders-1, all.Used
	if u.Uses > 0 {
		u.PeersUse = max(0, u.PeersUse-1)
	}
}

// usage is what some people used, with where that lies.
type usage struct {
	of    map[string][]store.ReviewUse // by person and role
	paths map[string]pim.Path
}

func usedBy(r *store.Reader, people []string, since, until time.Time) (usage, error) {
	u := usage{of: map[string][]store.ReviewUse{}}
	if len(people) == 0 {
		return u, nil
	}
	all, err := r.ReviewUses(people, since, until)
	if err != nil {
		return u, err
	}
	var places []string
	for _, v := range all {
		places = append(places, v.ResourceID)
		u.of[v.PrincipalID+"\n"+v.RoleID] = append(u.of[v.PrincipalID+"\n"+v.RoleID], v)
	}
	u.paths, err = r.Paths(unique(places))
	return u, err
}

// fill counts the uses of a role at the place of an assignment and below it.
func (u usage) fill(use *pim.ReviewUse, c store.ReviewCandidate, since time.Time) {
	at := c.Assignment.ResourceID
	var places []string
	for _, v := range u.of[c.Holder.ID+"\n"+c.Assignment.RoleID] {
		if v.ResourceID != at && !u.paths[v.ResourceID].Contains(at) {
			continue
		}
		use.Uses += v.Uses
		if v.Last.After(use.LastUsed) {
			use.LastUsed = v.Last
		}
		if v.Uses > 0 {
			places = append(places, v.ResourceID)
		}
	}
	if len(places) == 1 && places[0] != at {
		use.OnlyAt = places[0]
	}
}

// populationLine is one item as the hash of the population takes it in: what it is about and its terms at the start.
func populationLine(t pim.ReviewItem) []byte {
	return []byte(strings.Join([]string{t.ID, t.AssignmentID, t.GroupID, t.PrincipalID, t.RoleID, t.ResourceID, string(t.Kind), pim.ReviewFrozenTerms(t.Frozen)}, "\x1f") + "\n")
}
