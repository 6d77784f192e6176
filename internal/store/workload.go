package store

import "stint/internal/pim"

// WorkloadRow is a workload with what a list says of it.
type WorkloadRow struct {
	pim.Principal
	Owner string // name of who answers for it; empty: nobody
	Roles int64  // assignments in force or ahead
}

// Workloads lists workloads by name, a page at a time.
func (r *Reader) Workloads(page PrincipalPage) ([]WorkloadRow, Searched, error) {
	var w where
	w.add("p.kind = 'workload' AND p.removed_at = 0")
	bound := 0
	if page.Query != "" {
		bound = examined
	}
	searched, err := r.reach(&w, page, bound)
	if err != nil {
		return nil, searched, err
	}
	w.parts("p.search_text", page.Query)
	w.args = append(w.args, page.Limit)
	found, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p"+w.String()+" ORDER BY p.name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	if err != nil {
		return nil, searched, err
	}
	if len(found) == page.Limit {
		searched = Searched{}
	}
	rows, err := r.workloadRows(found)
	return rows, searched, err
}

// workloadRows adds owners and roles, in as many queries for all of them as for one.
func (r *Reader) workloadRows(found []pim.Principal) ([]WorkloadRow, error) {
	var owners, ids []string
	for _, p := range found {
		owners, ids = append(owners, p.OwnerID), append(ids, p.ID)
	}
	names, err := r.Names(owners)
	if err != nil {
		return nil, err
	}
	var args []any
	list := in(&args, ids)
	args = append(args, us(r.Now))
	counted, err := many(r, scanCounted, "SELECT g.principal_id, COUNT(*) FROM assignments g WHERE g.principal_id IN "+list+
		" AND g.ended_at = 0 AND (g.ends_at = 0 OR g.ends_at > "+dollar(len(args))+") GROUP BY g.principal_id", args...)
	roles := make(map[string]int64, len(counted))
	for _, n := range counted {
		roles[n.id] = int64(n.n)
	}
	rows := make([]WorkloadRow, len(found))
	for i, p := range found {
		rows[i] = WorkloadRow{Principal: p, Owner: names[p.OwnerID], Roles: roles[p.ID]}
	}
	return rows, err
}

// WorkloadNames returns the name of every workload by id.
func (r *Reader) WorkloadNames() (map[string]string, error) { return r.namesOfKind(pim.Workload) }

// WorkloadsOwnedBy lists the workloads that some principals answer for, by name.
func (r *Reader) WorkloadsOwnedBy(ids []string) ([]pim.Principal, error) {
	var args []any
	list := in(&args, ids)
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.owner_id IN "+list+
		" AND p.owner_id <> '' AND p.removed_at = 0 ORDER BY p.name, p.id", args...)
}

// HoldersIn returns who holds what is active for some principals: the people of PeopleIn, and enabled workloads among
// them. Nobody signs in as a workload, so that wherever somebody acts PeopleIn is asked.
func (r *Reader) HoldersIn(ids []string) ([]pim.Principal, error) {
	people, err := r.PeopleIn(ids)
	if err != nil {
		return nil, err
	}
	var args []any
	list := in(&args, ids)
	workloads, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.id IN "+list+
		" AND p.kind = 'workload' AND p.enabled = 1 AND p.removed_at = 0 ORDER BY p.name, p.id", args...)
	return append(people, workloads...), err
}
