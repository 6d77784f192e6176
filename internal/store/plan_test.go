package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
)

// planner asks SQLite for the plan of every query before it runs it.
type planner struct {
	conn
	plans []string
}

func (p *planner) explain(ctx context.Context, query string, args []any) {
	rows, err := p.conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		p.plans = append(p.plans, "FAILED "+err.Error())
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			detail = "FAILED " + err.Error()
		}
		p.plans = append(p.plans, detail)
	}
}

func (p *planner) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.explain(ctx, query, args)
	return p.conn.QueryContext(ctx, query, args...)
}

func (p *planner) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.explain(ctx, query, args)
	return p.conn.QueryRowContext(ctx, query, args...)
}

func (p *planner) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.explain(ctx, query, args)
	return p.conn.ExecContext(ctx, query, args...)
}

// scans returns the steps that walk a whole table. Results of other steps may be walked, and so may an
// index that holds only what is open (named in may).
func scans(plans []string, may string) []string {
	var bad []string
	for _, p := range plans {
		what, isScan := strings.CutPrefix(p, "SCAN ")
		if rest, ok := strings.CutPrefix(p, "SEARCH "); ok && !strings.Contains(rest, " USING ") {
			what, isScan = rest, true // MIN and MAX without an index
		}
		name, _, _ := strings.Cut(what, " ")
		derived := strings.HasPrefix(name, "(") || strings.Contains(" mine within up down d x e t CONSTANT ", " "+name+" ")
		small := slices.ContainsFunc(strings.Fields(may), func(index string) bool { return strings.HasSuffix(what, index) })
		if strings.HasPrefix(p, "FAILED") || isScan && !derived && !small {
			bad = append(bad, p)
		}
	}
	return bad
}

// hot are the queries of every page, request and tick: none may walk a table that grows (DESIGN §6).
var hot = []struct {
	name string
	run  func(*Tx) error
	may  string // indexes of open rows that may be walked
}{
	{"sign-in by subject", func(tx *Tx) error { _, err := tx.PrincipalBySubject("iss", "sub"); return err }, ""},
	{"binding by claim", func(tx *Tx) error { _, err := tx.PrincipalsToBind("email", "a@b"); return err }, ""},
	{"principal by file key", func(tx *Tx) error { _, err := tx.PrincipalByKey(pim.Person, "k"); return err }, ""},
	{"principal", func(tx *Tx) error { _, err := tx.Principal("p"); return err }, ""},
	{"names", func(tx *Tx) error { _, err := tx.Names([]string{"a", "b"}); return err }, ""},
	{"people, first page", func(tx *Tx) error { _, err := tx.People(PrincipalPage{Limit: 50}); return err }, ""},
	{"people, next page", func(tx *Tx) error {
		_, err := tx.People(PrincipalPage{AfterName: "n", AfterID: "i", Limit: 50})
		return err
	}, ""},
	{"people, searched", func(tx *Tx) error { _, err := tx.People(PrincipalPage{Query: "x", Limit: 50}); return err }, ""},
	{"people disabled", func(tx *Tx) error {
		_, err := tx.People(PrincipalPage{Filter: PeopleDisabled, AfterName: "n", AfterID: "i", Limit: 50})
		return err
	}, ""},
	{"people without a passkey", func(tx *Tx) error { _, err := tx.People(PrincipalPage{Filter: PeopleNoPasskey, Limit: 50}); return err }, ""},
	{"use of people", func(tx *Tx) error { _, err := tx.PeopleUses([]string{"a", "b"}); return err }, ""},
	{"groups, next page", func(tx *Tx) error {
		_, _, err := tx.Groups(PrincipalPage{AfterName: "n", AfterID: "i", Limit: 50})
		return err
	}, ""},
	{"groups, searched", func(tx *Tx) error { _, _, err := tx.Groups(PrincipalPage{Query: "x", Limit: 50}); return err }, ""},
	{"members of a group, next page", func(tx *Tx) error {
		_, _, err := tx.MembersIn("g", PrincipalPage{AfterName: "n", AfterID: "i", Limit: 50})
		return err
	}, ""},
	{"members of a group, searched", func(tx *Tx) error { _, _, err := tx.MembersIn("g", PrincipalPage{Query: "x", Limit: 50}); return err }, ""},
	{"a picker before a search", func(tx *Tx) error { _, err := tx.FindPrincipals("", 20); return err }, "principals_pick"},
	{"groups of a person", func(tx *Tx) error { _, err := tx.GroupsOf("p"); return err }, ""},
	{"people in groups", func(tx *Tx) error { _, err := tx.PeopleIn([]string{"g", "p"}); return err }, ""},
	{"session", func(tx *Tx) error { _, err := tx.Session("s", time.Hour); return err }, ""},
	{"how many sessions of a person", func(tx *Tx) error { _, err := tx.SessionCount("p"); return err }, ""},
	{"sessions of a person", func(tx *Tx) error { _, err := tx.SessionsOf("p", time.Hour); return err }, ""},
	{"a session by its handle", func(tx *Tx) error { _, err := tx.SessionByHandle("h"); return err }, ""},
	{"sessions by the provider's name", func(tx *Tx) error { _, err := tx.SessionsNamed("iss", "sid"); return err }, ""},
	{"the turn to ask about a session", func(tx *Tx) error {
		if err := tx.ClaimRecheck(SessionRow{Handle: "h"}, tx.Now); !errors.Is(err, ErrConflict) {
			return err
		}
		return nil
	}, ""},
	{"ending a session", func(tx *Tx) error { _, err := tx.EndSession("s"); return err }, "ceremonies"},
	{"ending a person's sessions", func(tx *Tx) error { _, err := tx.EndSessionsOf("p"); return err }, "ceremonies"},
	{"credentials", func(tx *Tx) error { _, err := tx.CredentialsOf("p"); return err }, ""},
	{"taking a ceremony", func(tx *Tx) error { _, err := tx.TakeCeremony("c", "p", "s"); return err }, ""},
	{"taking a voucher", func(tx *Tx) error { _, err := tx.TakeVoucher("passkey", "h", "p"); return err }, ""},
	{"account at a target", func(tx *Tx) error { _, err := tx.AccountAt("p", "t"); return err }, ""},
	{"owners of an account", func(tx *Tx) error { _, err := tx.OwnersOf("t", "x"); return err }, ""},
	{"paths", func(tx *Tx) error { _, err := tx.Paths([]string{"r"}); return err }, ""},
	{"meanings below", func(tx *Tx) error { _, err := tx.MeaningsBelow("role", "r"); return err }, ""},
	{"roles, next page", func(tx *Tx) error {
		_, err := tx.RolesBy(RolePage{Within: Subtree{All: true}, AfterName: "n", AfterID: "i", Limit: 50})
		return err
	}, ""},
	{"unused roles", func(tx *Tx) error {
		_, err := tx.RolesBy(RolePage{Within: Subtree{All: true}, Only: RolesUnused, Limit: 50})
		return err
	}, ""},
	{"use of roles", func(tx *Tx) error { _, err := tx.RoleUses([]string{"a", "b"}, 1000); return err }, ""},
	{"what roles mean", func(tx *Tx) error { _, err := tx.MeaningsOfRoles("a", "b"); return err }, ""},
	{"settings", func(tx *Tx) error { _, err := tx.Settings("role"); return err }, ""},
	{"settings on a path", func(tx *Tx) error { _, err := tx.SettingsOn("role", pim.Path{{ID: "res"}}); return err }, ""},
	{"settings history", func(tx *Tx) error { _, err := tx.SettingsHistory("role", "res", 9, 20); return err }, ""},
	{"settings locks", func(tx *Tx) error { _, err := tx.SettingsLocks("role"); return err }, ""},
	{"eligible assignments", func(tx *Tx) error { _, err := tx.AssignmentsFor("p", pim.Eligible); return err }, ""},
	{"active assignments", func(tx *Tx) error { _, err := tx.AssignmentsFor("p", pim.Active); return err }, ""},
	{"holdings", func(tx *Tx) error { _, err := tx.Holdings("p"); return err }, ""},
	{"last uses", func(tx *Tx) error { _, err := tx.LastUses("p", []string{"a", "b"}); return err }, ""},
	{"members of a role, first page", list(AssignmentFilter{RoleID: "r"}), ""},
	{"members of a role, next page", list(AssignmentFilter{RoleID: "r", Kind: pim.Active, After: AssignmentCursor{Name: "n", ID: "i"}}), ""},
	{"members of a role on a resource", list(AssignmentFilter{RoleID: "r", ResourceID: "s"}), ""},
	{"members of a role, searched", list(AssignmentFilter{RoleID: "r", Search: "ann"}), ""},
	{"assignments on a resource with inherited ones", list(AssignmentFilter{ResourceID: "s", Above: []string{"t", "u"}}), ""},
	{"all assignments, first page", list(AssignmentFilter{}), ""},
	{"all assignments, next page", list(AssignmentFilter{After: AssignmentCursor{Name: "n", ID: "i"}}), ""},
	{"assignments of an owner", list(AssignmentFilter{Within: &Subtree{Roots: []string{"s"}}}), ""},
	{"assignments ending", list(AssignmentFilter{State: ListEnding, RoleID: "r", After: AssignmentCursor{ID: "i"}}), ""},
	{"assignments ahead", list(AssignmentFilter{State: ListFuture}), ""},
	{"assignments expired", list(AssignmentFilter{State: ListExpired, Search: "ann"}), ""},
	{"an export's next piece", func(tx *Tx) error {
		_, err := tx.EachAssignment(AssignmentFilter{ResourceID: "s", Below: true}, "i", 50)
		return err
	}, ""},
	{"counted assignments", func(tx *Tx) error { _, err := tx.CountAssignments(AssignmentFilter{RoleID: "r"}, 50); return err }, ""},
	{"what a person holds, by role", func(tx *Tx) error { _, err := tx.HeldBy("p", AssignmentFilter{Limit: 50}); return err }, ""},
	{"a picker", func(tx *Tx) error { _, err := tx.FindPrincipals("ann k", 20); return err }, ""},
	{"assignments to start", func(tx *Tx) error { _, err := tx.AssignmentsToStart(50); return err }, ""},
	{"assignments to remind of", func(tx *Tx) error { _, err := tx.AssignmentsToRemind(50); return err }, ""},
	{"an assignment like another", func(tx *Tx) error { _, err := tx.AssignmentLike(pim.Assignment{PrincipalID: "p"}); return err }, ""},
	{"a waiting request", func(tx *Tx) error { _, err := tx.OpenAssignmentRequest("p", "r", "s"); return err }, ""},
	{"waiting requests", func(tx *Tx) error {
		_, err := tx.PendingAssignmentRequests(Keyset{At: tx.Now, ID: "x"}, 50)
		return err
	}, ""},
	{"requests due", func(tx *Tx) error { _, err := tx.AssignmentRequestsDue(50); return err }, ""},
	{"requests of a person", func(tx *Tx) error {
		_, err := tx.AssignmentRequestsBy("p", Keyset{At: tx.Now, ID: "x"}, 50)
		return err
	}, ""},
	{"a rename", func(tx *Tx) error { return tx.rename(pim.Principal{ID: "p", Name: "New Name"}) }, ""},
	{"assignments due", func(tx *Tx) error { _, err := tx.AssignmentsDue(50); return err }, ""},
	{"what lies in a subtree", func(tx *Tx) error {
		_, err := tx.ResourcesIn([]string{"a", "b"}, Subtree{Roots: []string{"r"}})
		return err
	}, ""},
	{"uses to review", func(tx *Tx) error { _, err := tx.UnreviewedUses(10); return err }, "breakglass_uses_open"},
	{"a passkey by its own id", func(tx *Tx) error { _, err := tx.CredentialByRaw([]byte("x")); return err }, ""},
	{"who holds a role", func(tx *Tx) error { _, err := tx.Standing("role"); return err }, ""},
	{"Stint roles", func(tx *Tx) error { _, err := tx.StintRoles("p"); return err }, ""},
	{"open activations of a role", func(tx *Tx) error { _, err := tx.OpenActivations("h", "r", "s"); return err }, ""},
	{"starts due", func(tx *Tx) error { _, err := tx.StartsDue(50); return err }, ""},
	{"extensions of an activation", func(tx *Tx) error { _, err := tx.Extensions("a"); return err }, ""},
	{"waiting extension", func(tx *Tx) error { _, err := tx.WaitingExtension("a"); return err }, ""},
	{"waiting extensions", func(tx *Tx) error { _, err := tx.PendingExtensions(50); return err }, "extensions_queue"},
	{"waiting extensions by place", func(tx *Tx) error { _, err := tx.ExtensionsWaiting(50); return err }, "extensions_queue"},
	{"extensions due", func(tx *Tx) error { _, err := tx.ExtensionsDue(50); return err }, ""},
	{"a person's decided extensions", func(tx *Tx) error { _, err := tx.ExtensionsDecidedBy("p", Keyset{At: tx.Now, ID: "x"}, 50); return err }, ""},
	{"open activations of a person", func(tx *Tx) error { _, err := tx.OpenActivationsOf("h"); return err }, ""},
	{"open activations on an assignment", func(tx *Tx) error { _, err := tx.OpenActivationsUsing("a"); return err }, ""},
	{"ending activations", func(tx *Tx) error { _, err := tx.EndingActivationsOf("p"); return err }, "activations_ending"},
	{"activations due", func(tx *Tx) error { _, err := tx.ActivationsDue(50); return err }, ""},
	{"a person's activations, first page", func(tx *Tx) error { _, err := tx.ActivationsOf("p", Keyset{}, 50); return err }, ""},
	{"a person's activations, next page", func(tx *Tx) error {
		_, err := tx.ActivationsOf("p", Keyset{At: tx.Now, ID: "x"}, 50)
		return err
	}, ""},
	{"last activation", func(tx *Tx) error { _, err := tx.LastActivation("p", "r", "s"); return err }, ""},
	{"waiting activations", func(tx *Tx) error { _, err := tx.PendingActivations(Keyset{At: tx.Now, ID: "x"}, 50); return err }, ""},
	{"how many wait", func(tx *Tx) error { _, err := tx.CountPending(50); return err }, "activations_pending"},
	{"the figures of the whole", func(tx *Tx) error { _, err := tx.Figures(); return err }, "activations_pending activations_due grants_late targets audit_checkpoints_1"},
	{"what is waited for", func(tx *Tx) error { _, err := tx.PendingPlaces(); return err }, ""},
	{"waiting for one role", func(tx *Tx) error { _, err := tx.PendingAt([2]string{"r", "s"}, Keyset{}, 50); return err }, ""},
	{"stages due", func(tx *Tx) error { _, err := tx.StagesDue(50); return err }, ""},
	{"decisions on an activation", func(tx *Tx) error { _, err := tx.Decisions("a"); return err }, ""},
	{"a person's decisions", func(tx *Tx) error { _, err := tx.DecisionsBy("p", Keyset{At: tx.Now, ID: "x"}, 50); return err }, ""},
	{"claiming grants", func(tx *Tx) error { _, err := tx.ClaimGrants("t1", 10, time.Minute); return err }, ""},
	{"the grant of a fact", func(tx *Tx) error { _, err := tx.GrantOf("t", "a", "e"); return err }, ""},
	{"accounts to look up", func(tx *Tx) error { _, err := tx.AccountsUnresolved(); return err }, "accounts_unresolved targets"},
	{"late grants", func(tx *Tx) error { _, err := tx.LateGrants(tx.Now, tx.Now, 10); return err }, "grants_late"},
	{"unsettled grants of a target", func(tx *Tx) error { _, err := tx.UnsettledGrants("t"); return err }, ""},
	{"open needs", func(tx *Tx) error { _, err := tx.OpenNeeds("g"); return err }, ""},
	{"needs of an activation", func(tx *Tx) error { _, err := tx.NeedsOf("a"); return err }, ""},
	{"notices, first page", func(tx *Tx) error { _, err := tx.Notices("p", Keyset{}, 50); return err }, ""},
	{"notices, next page", func(tx *Tx) error { _, err := tx.Notices("p", Keyset{At: tx.Now, ID: "x"}, 50); return err }, ""},
	{"unread notices", func(tx *Tx) error { _, err := tx.UnreadNotices("p"); return err }, ""},
	{"a notice, and what it drops", func(tx *Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "P", Source: pim.SourceFile}), tx.InsertNotice(Notice{ID: "n", PrincipalID: "p"}),
			tx.DropUnread("x", "p", "q"))
	}, ""},
	{"entries by person", entries(EntryFilter{Person: "p"}), ""},
	{"entries by person, next page", entries(EntryFilter{Person: "p", Before: 9}), ""},
	{"entries by role", entries(EntryFilter{RoleID: "r"}), ""},
	{"entries by role, next page", entries(EntryFilter{RoleID: "r", Before: 9}), ""},
	{"entries by type", entries(EntryFilter{Type: "activation.ended"}), ""},
	{"entries by kind of type", entries(EntryFilter{Type: "activation."}), ""},
	{"entries refused", entries(EntryFilter{Result: "refused"}), ""},
	{"entries refused, next page", entries(EntryFilter{Result: "refused", Before: 9}), ""},
	{"a story", func(tx *Tx) error { _, err := tx.Story("a", 200); return err }, ""},
	{"entries of a story", entries(EntryFilter{Correlation: "a", Result: "refused", Before: 9}), ""},
	{"entries, next page", entries(EntryFilter{Before: 9}), ""},
	{"entries, everything at once", entries(EntryFilter{Person: "p", RoleID: "r", Type: "activation.", Result: "refused", Before: 9}), ""},
	{"entries to export", func(tx *Tx) error { _, _, err := tx.Lines(EntryFilter{Before: 9}, 100); return err }, ""},
	{"entries of a search to export", func(tx *Tx) error { _, _, err := tx.Lines(EntryFilter{Person: "p", RoleID: "r"}, 100); return err }, ""},
	{"saved searches", func(tx *Tx) error { _, err := tx.AuditSearches("p"); return err }, ""},
	{"an export", func(tx *Tx) error {
		_, err := tx.AuditExport("p")
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	}, ""},
	{"one entry", func(tx *Tx) error { _, err := tx.Entry(0); return err }, ""},
	{"entry types", func(tx *Tx) error { _, err := tx.EntryTypes(); return err }, ""},
	{"what one's own entries say", func(tx *Tx) error { _, _, err := tx.OwnEntries("p"); return err }, ""},
	{"one's own first entry", func(tx *Tx) error {
		_, err := tx.FirstOwnEntry("p", 9)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	}, ""},
	{"a reviewer's page by place", reviewed(ReviewItemPage{Sets: []string{"a", "b"}}), ""},
	{"a reviewer's next page by person", reviewed(ReviewItemPage{Sets: []string{"a"}, ByName: true, After: ReviewItemCursor{"k", "i"}}), ""},
	{"a reviewer's page before", reviewed(ReviewItemPage{Sets: []string{"a"}, Only: ReviewOpen, Before: ReviewItemCursor{"k", "i"}}), ""},
	{"a reviewer's search", reviewed(ReviewItemPage{Sets: []string{"a"}, Only: ReviewDecided, ByName: true, Words: "ann", After: ReviewItemCursor{"k", "i"}}), ""},
	{"all of a review", reviewed(ReviewItemPage{Only: ReviewOpen, Words: "ann", After: ReviewItemCursor{"k", "i"}}), ""},
	{"results of a review", reviewed(ReviewItemPage{Result: new(pim.ReviewResult), After: ReviewItemCursor{"k", "i"}}), ""},
	{"reviews to answer", func(tx *Tx) error { _, err := tx.ReviewsToAnswer("p", Keyset{}, 50); return err }, ""},
	{"how many reviews to answer", func(tx *Tx) error { _, err := tx.CountReviewsToAnswer("p", 50); return err }, ""},
	{"sets of a reviewer", func(tx *Tx) error { _, err := tx.ReviewSetsIn("i", "p"); return err }, ""},
	{"reviews being applied", func(tx *Tx) error { _, err := tx.ReviewsApplying(50); return err }, "review_instances_open"},
	{"what is left to apply", func(tx *Tx) error { _, err := tx.ReviewItemsNew("i", 200); return err }, ""},
	{"whether anything is left", func(tx *Tx) error { _, err := tx.ReviewWaits("i"); return err }, ""},
	{"items to look at again", func(tx *Tx) error { _, err := tx.ReviewItemsDue(50); return err }, ""},
	{"needs of a principal", func(tx *Tx) error { _, err := tx.OpenNeedsOf("p"); return err }, ""},
	{"proof of an item", func(tx *Tx) error { _, err := tx.ReviewProof(pim.ReviewItem{PrincipalID: "p"}, 50); return err }, ""},
	{"the entry of an end", func(tx *Tx) error { _, err := tx.GoneEntry("g", tx.Now); return err }, ""},
	{"next due", func(tx *Tx) error { _, err := tx.NextDue(); return err }, ""},
}

// A page of the log sorts no more than the entries it examines: each condition's index is walked newest first.
func TestEntriesAreNotSorted(t *testing.T) {
	s := open(t)
	for _, f := range []EntryFilter{{Type: "activation."}, {Type: "activation.ended"}, {Type: "activation.", Before: 9}, {RoleID: "r"}, {Result: "refused"}, {Result: "ok"}, {}} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			for _, e := range []pim.EventType{pim.EvActEnded, pim.EvActRequested} {
				if _, err := tx.exec("INSERT INTO audit_entries (seq, at, type, actor_id, result, leaf) SELECT COALESCE(MAX(seq), 1000) + 1, 1, $1, 'a', 'ok', '' FROM audit_entries", e); err != nil {
					return err
				}
			}
			p := &planner{conn: tx.db}
			tx.db = p
			_, _, err := tx.Search(f)
			plans = p.plans
			return errors.Join(errRollBack, err)
		})
		if !errors.Is(err, errRollBack) {
			t.Fatal(err)
		}
		for i, step := range plans {
			if strings.HasPrefix(step, "SEARCH audit_entries") && i+1 < len(plans) && strings.Contains(plans[i+1], "B-TREE") {
				t.Errorf("%+v sorts what it finds:\n  %s", f, strings.Join(plans, "\n  "))
			}
		}
	}
}

var errRollBack = errors.New("nothing is kept")

func reviewed(p ReviewItemPage) func(*Tx) error {
	return func(tx *Tx) error {
		p.InstanceID, p.Limit = "i", 50
		_, _, err := tx.ReviewItemsBy(p)
		return err
	}
}

// No page of reviewed items sorts what it finds, and none that filters by the answer alone looks at what it does not show.
func TestReviewedItemsAreNotSorted(t *testing.T) {
	s := open(t)
	for _, p := range []ReviewItemPage{
		{Sets: []string{"a", "b"}}, {Sets: []string{"a"}, Only: ReviewOpen, After: ReviewItemCursor{"k", "i"}}, {Sets: []string{"a"}, Only: ReviewDecided, Before: ReviewItemCursor{"k", "i"}},
		{Sets: []string{"a"}, ByName: true}, {}, {Result: new(pim.ReviewResult), After: ReviewItemCursor{"k", "i"}},
	} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			q := &planner{conn: tx.db}
			tx.db = q
			err := reviewed(p)(tx)
			plans = q.plans
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plans {
			if !strings.HasPrefix(step, "SEARCH t USING INDEX review_items_") {
				t.Errorf("%+v: %s", p, strings.Join(plans, "\n  "))
			}
		}
	}
}

func list(f AssignmentFilter) func(*Tx) error {
	f.Limit, f.EndingBy = 50, time.Unix(2e9, 0)
	return func(tx *Tx) error { _, err := tx.ListAssignments(f); return err }
}

// No page of assignments sorts what it finds: each order is that of an index.
func TestAssignmentsAreNotSorted(t *testing.T) {
	s := open(t)
	for _, f := range []AssignmentFilter{{RoleID: "r", Kind: pim.Active}, {RoleID: "r", ResourceID: "s", Kind: pim.Eligible}, {ResourceID: "s", Kind: pim.Eligible}, {Kind: pim.Active}, {},
		{RoleID: "r", After: AssignmentCursor{Name: "n", ID: "i"}}, {State: ListEnding, RoleID: "r"}, {State: ListFuture}, {State: ListExpired, ResourceID: "s"}} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			p := &planner{conn: tx.db}
			tx.db = p
			err := list(f)(tx)
			plans = p.plans
			return errors.Join(errRollBack, err)
		})
		if !errors.Is(err, errRollBack) {
			t.Fatal(err)
		}
		if text := strings.Join(plans, "\n  "); strings.Contains(text, "B-TREE") || len(plans) == 0 {
			t.Errorf("%+v sorts what it finds:\n  %s", f, text)
		}
	}
}

// What a page of people says of them is looked up by person, and never among everything that is assigned.
func TestUsesOfPeopleAreLookedUpByPerson(t *testing.T) {
	s := open(t)
	err := Do(context.Background(), s, func(tx *Tx) error {
		p := &planner{conn: tx.db}
		tx.db = p
		_, err := tx.PeopleUses([]string{"a", "b"})
		for _, step := range p.plans {
			if strings.Contains(step, " g ") && !strings.Contains(step, "(principal_id=?") {
				t.Errorf("walks what is assigned: %s", step)
			}
		}
		return errors.Join(errRollBack, err)
	})
	if !errors.Is(err, errRollBack) {
		t.Fatal(err)
	}
}

// A search that hits few looks up what each of them holds, and never everything of a role or a resource for each.
func TestFewAreLookedUpByWhatTheyHold(t *testing.T) {
	s := open(t)
	place := AssignmentCursor{Name: "n", ID: "i"}
	for _, f := range []AssignmentFilter{{RoleID: "r"}, {ResourceID: "s"}, {RoleID: "r", ResourceID: "s", Kind: pim.Eligible}, {},
		{RoleID: "r", After: place}, {RoleID: "r", upTo: place}, {ResourceID: "s", After: place, upTo: place}, {After: place, upTo: place}} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			if err := tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "Ann", Source: pim.SourceFile}); err != nil {
				return err
			}
			p := &planner{conn: tx.db}
			tx.db, f.Search = p, "ann"
			err := list(f)(tx)
			plans = p.plans
			return errors.Join(errRollBack, err)
		})
		if !errors.Is(err, errRollBack) {
			t.Fatal(err)
		}
		if text := strings.Join(plans, "\n  "); !strings.Contains(text, "(principal_id=?") || strings.Contains(text, "SEARCH g USING INDEX assignments_kind") {
			t.Errorf("%+v:\n  %s", f, text)
		}
	}
}

// No page of people, of groups or of the members of a group sorts what it finds.
func TestPeopleAreNotSorted(t *testing.T) {
	s := open(t)
	people := func(p PrincipalPage) func(*Tx) error {
		return func(tx *Tx) error { _, _, err := tx.SearchPeople(p); return err }
	}
	after := PrincipalPage{AfterName: "n", AfterID: "i", Query: "x", Limit: 50}
	for name, run := range map[string]func(*Tx) error{
		"people": people(PrincipalPage{Limit: 50}), "people searched": people(after), "enabled": people(PrincipalPage{Filter: PeopleEnabled, Limit: 50}),
		"disabled": people(PrincipalPage{Filter: PeopleDisabled, Limit: 50}), "guests": people(PrincipalPage{Filter: PeopleGuests, Limit: 50}),
		"never seen": people(PrincipalPage{Filter: PeopleNeverSeen, Limit: 50}), "keyless": people(PrincipalPage{Filter: PeopleNoPasskey, Limit: 50}),
		"groups": func(tx *Tx) error { _, _, err := tx.Groups(PrincipalPage{Limit: 50}); return err },
		"picker": func(tx *Tx) error { _, err := tx.FindPrincipals("", 20); return err },
	} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			p := &planner{conn: tx.db}
			tx.db = p
			err := run(tx)
			plans = p.plans
			return errors.Join(errRollBack, err)
		})
		if !errors.Is(err, errRollBack) {
			t.Fatal(err)
		}
		if text := strings.Join(plans, "\n  "); strings.Contains(text, "FOR ORDER BY") || len(plans) == 0 {
			t.Errorf("%s: sorts what it finds:\n  %s", name, text)
		}
	}
}

// Whom a beginning finds is looked up one by one, in the list and in a group, and never beside everybody after a place.
func TestBeginningsAreLookedUp(t *testing.T) {
	s := open(t)
	after := Searched{Name: "a", ID: "a"}
	for name, run := range map[string]func(*Tx) error{
		"people": func(tx *Tx) error {
			_, _, err := tx.begunAfter(where{conds: []string{"p.kind = 'person' AND p.removed_at = 0"}}, after, PrincipalPage{Query: "ann x"}, 50)
			return err
		},
		"members": func(tx *Tx) error { _, _, err := tx.membersBegun("g", after, "ann x", 50); return err },
	} {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			if err := tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "Ann Xu", Source: pim.SourceFile}); err != nil {
				return err
			}
			p := &planner{conn: tx.db}
			tx.db = p
			err := run(tx)
			plans = p.plans
			return errors.Join(errRollBack, err)
		})
		if !errors.Is(err, errRollBack) {
			t.Fatal(err)
		}
		text := strings.Join(plans, "\n  ")
		if strings.Contains(text, "group_members_by_name") || !strings.Contains(text, "SEARCH p USING INDEX sqlite_autoindex_principals_1 (id=?)") {
			t.Errorf("%s:\n  %s", name, text)
		}
	}
}

func entries(f EntryFilter) func(*Tx) error {
	f.Limit = 50
	return func(tx *Tx) error { _, err := tx.Entries(f); return err }
}

func TestHotQueriesUseAnIndex(t *testing.T) {
	s := open(t)
	for _, c := range hot {
		var plans []string
		err := Do(context.Background(), s, func(tx *Tx) error {
			p := &planner{conn: tx.db}
			tx.db = p
			err := c.run(tx)
			plans = p.plans
			if errors.Is(err, ErrNotFound) {
				err = nil
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if bad := scans(plans, c.may); len(bad) > 0 || len(plans) == 0 {
			t.Errorf("%s walks a whole table: %v\n  of %s", c.name, bad, strings.Join(plans, "\n     "))
		}
	}
}
