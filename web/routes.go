package web

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// route is one line of the table. GET answers HEAD too.
type route struct {
	method string
	path   string
	who    access
	do     func(*Server, *request) error
}

// routes says what exists and who may come that far; what they may do with one thing, the operation
// decides (THREATS T33). Nothing but /static/ is served without a line here.
var routes = []route{
	// Entrance
	{get, "/", anonymous, (*Server).Home},
	{get, "/sign-in", anonymous, (*Server).SignInPage},
	{get, "/sign-in/start", anonymous, (*Server).StartSignIn},
	{get, "/sign-in/callback", anonymous, (*Server).FinishSignIn},
	{get, "/sign-in/emergency", anonymous, (*Server).EmergencyPage},
	{post, "/sign-in/emergency", anonymous, (*Server).EmergencySignIn},
	{post, providerLogout, anonymous, (*Server).ProviderLogout}, // from the provider's machine, not from a browser
	{post, "/sign-out", person, (*Server).SignOut},
	{get, "/first-run", anonymous, (*Server).FirstRunPage},
	{get, "/admin-link/:token", person, (*Server).AdminLinkPage},
	{post, "/admin-link/:token", person, (*Server).UseAdminLink},
	{get, "/healthz", anonymous, (*Server).Healthz},
	{get, "/readyz", anonymous, (*Server).Readyz},

	// Mine
	{get, "/my-roles", person, (*Server).MyRolesPage},
	{post, "/my-roles/:assignment/favourite", person, (*Server).SetFavourite},
	{get, "/my-roles/:assignment/activate", person, (*Server).ActivatePage},
	{post, "/my-roles/:assignment/checks", person, (*Server).ActivationChecks},
	{post, "/my-roles/:assignment/activations", person, (*Server).RequestActivation},
	{get, "/my-roles/:assignment/request", person, (*Server).AskAssignmentPage},
	{post, "/my-roles/:assignment/request", person, (*Server).AskAssignment},
	{get, "/my-roles/several", person, (*Server).ActivateSetPage},
	{post, "/my-roles/several", person, (*Server).RequestSet},
	{post, "/my-roles/deactivations", person, (*Server).DeactivateSet},
	{post, "/my-roles/sets", person, (*Server).KeepSet},
	{post, "/my-roles/sets/:id/delete", person, (*Server).DeleteSet},
	{get, "/results/:id", person, (*Server).ResultsPage},
	{get, "/my-requests", person, (*Server).MyRequestsPage},
	{get, "/activations/:id", person, (*Server).ActivationPage},
	{post, "/activations/:id/deactivate", person, (*Server).Deactivate},
	{post, "/activations/:id/cancel", person, (*Server).CancelActivation},
	{post, "/activations/:id/start", person, (*Server).StartActivation},
	{get, "/activations/:id/extend", person, (*Server).ExtendPage},
	{post, "/activations/:id/extensions", person, (*Server).RequestExtension},
	{post, "/extensions/:id/cancel", person, (*Server).CancelExtension},
	{post, "/activations/:id/revoke", manager, (*Server).RevokeActivation},

	// Approvals
	{get, "/approvals", approver, (*Server).ApprovalsPage},
	{get, "/approvals/decided", approver, (*Server).DecidedPage},
	{get, "/approvals/all", administrator, (*Server).AllPendingPage},
	{get, "/approvals/several", approver, (*Server).DecideSetPage},
	{post, "/approvals/several", approver, (*Server).DecideSet},
	{get, "/approvals/extensions/:id", person, (*Server).ExtensionPage},
	{post, "/approvals/extensions/:id/decision", person, (*Server).DecideExtension},
	{get, "/approvals/:id", person, (*Server).ApprovalPage},
	{post, "/approvals/:id/decision", person, (*Server).Decide},

	// Reviews: what somebody may do with one, the operations decide
	{get, "/reviews", person, (*Server).ReviewsPage},
	{get, "/reviews/running", reader, (*Server).ReviewsRunning},
	{get, "/reviews/scheduled", reader, (*Server).ReviewsScheduled},
	{get, "/reviews/done", reader, (*Server).ReviewsDone},
	{get, "/reviews/history", reader, (*Server).ReviewHistoryPage},
	{post, "/reviews/history/export", reader, (*Server).ExportReviewHistory},
	{get, "/reviews/new", manager, (*Server).NewReviewPage},
	{post, "/reviews/form", manager, (*Server).ReviewFormPage},
	{post, "/reviews/preview", manager, (*Server).PreviewReview},
	{post, "/reviews", manager, (*Server).SaveReview},
	{get, "/reviews/series/:id", reader, (*Server).ReviewSeriesPage},
	{get, "/reviews/series/:id/edit", manager, (*Server).EditReviewPage},
	{post, "/reviews/series/:id", manager, (*Server).SaveReview},
	{post, "/reviews/series/:id/remove", manager, (*Server).RemoveReview},
	{get, "/reviews/:id", person, (*Server).ReviewPage},
	{get, "/reviews/:id/answers", person, (*Server).AnswersPage},
	{post, "/reviews/:id/answers", person, (*Server).AnswerReview},
	{post, "/reviews/:id/recommendations", person, (*Server).AcceptRecommendations},
	{post, "/reviews/:id/hand-over", person, (*Server).HandOverReview},
	{get, "/reviews/:id/results", reader, (*Server).ReviewResultsPage},
	{get, "/reviews/:id/items/:item", reader, (*Server).ReviewItemPage},
	{post, "/reviews/:id/export", reader, (*Server).ExportReview},
	{post, "/reviews/:id/change", manager, (*Server).ChangeReview},
	{post, "/reviews/:id/stop", manager, (*Server).StopReview},
	{post, "/reviews/:id/reset", manager, (*Server).ResetReview},
	{post, "/reviews/:id/remind", manager, (*Server).RemindReviewers},
	{post, "/reviews/:id/reviewers", manager, (*Server).AddReviewers},
	{post, "/reviews/:id/apply", manager, (*Server).ApplyReview},
	{post, "/reviews/:id/delete", manager, (*Server).DeleteReview},

	// Passkeys and profile
	{get, "/step-up/:id", person, (*Server).StepUpPage},
	{post, "/step-up/:id", person, (*Server).FinishStepUp},
	{get, "/step-up/:id/provider", person, (*Server).SignInAgain},
	{get, "/passkeys", person, (*Server).PasskeysPage},
	{post, "/passkeys/new", person, (*Server).AddPasskey},
	{post, "/passkeys/:id/name", person, (*Server).RenamePasskey},
	{post, "/passkeys/:id/remove", person, (*Server).RemovePasskey},
	{get, "/profile", person, (*Server).ProfilePage},
	{post, "/profile", person, (*Server).SaveProfile},
	{get, "/sessions", person, (*Server).SessionsPage},
	{post, "/sessions/end", person, (*Server).EndOtherSessions},
	{post, "/sessions/:handle/end", person, (*Server).EndOwnSession},
	{get, "/notices", person, (*Server).NoticesPage},
	{post, "/notices/read", person, (*Server).ReadNotices},

	// What open pages ask for by themselves
	{get, "/shell", person, (*Server).ShellParts},
	{get, "/events", person, (*Server).Events},
	{get, "/events/approvals", administrator, (*Server).QueueEvents},
	{get, "/events/activations/:id", person, (*Server).ActivationEvents},
	{get, "/events/targets/:id", auditor, (*Server).TargetEvents},

	// Manage
	{get, "/assignments", reader, (*Server).AssignmentsPage},
	{post, "/assignments/export", reader, (*Server).ExportAssignments},
	{get, "/assignments/new", manager, (*Server).NewAssignmentPage},
	{post, "/assignments/checks", manager, (*Server).AssignmentChecks},
	{post, "/assignments", manager, (*Server).AddAssignment},
	{get, "/assignments/same", manager, (*Server).SamePage},
	{post, "/assignments/same", manager, (*Server).GiveSame},
	{get, "/assignments/several", manager, (*Server).SeveralPage},
	{post, "/assignments/several/end", manager, (*Server).ChangeEnds},
	{post, "/assignments/several/remove", manager, (*Server).RemoveSeveral},
	{get, "/assignments/:id", person, (*Server).AssignmentPage},
	{post, "/assignments/:id/change", manager, (*Server).ChangeAssignment},
	{post, "/assignments/:id/renew", manager, (*Server).RenewAssignment},
	{post, "/assignments/:id/remove", manager, (*Server).RemoveAssignment},
	{get, "/assignment-requests", manager, (*Server).AssignmentRequestsPage},
	{get, "/assignment-requests/:id", person, (*Server).AssignmentRequestPage},
	{post, "/assignment-requests/:id/decision", manager, (*Server).DecideAssignmentRequest},
	{post, "/assignment-requests/:id/cancel", person, (*Server).CancelAssignmentRequest},
	{get, "/roles/:id/members", reader, (*Server).MembersPage},
	{post, "/roles/:id/members/export", reader, (*Server).ExportMembers},
	{get, "/people/:id/roles", auditor, (*Server).PersonRolesPage},
	{get, "/people", auditor, (*Server).PeoplePage},
	{post, "/people", administrator, (*Server).NewPerson},
	{get, "/people/new", administrator, (*Server).NewPersonPage},
	{get, "/people/:id/edit", administrator, (*Server).EditPersonPage},
	{post, "/people/:id/edit", administrator, (*Server).EditPerson},
	{get, "/people/:id/remove", administrator, (*Server).RemovePersonPage},
	{post, "/people/:id/remove", administrator, (*Server).RemovePerson},
	{get, "/people/:id/activations", auditor, (*Server).PersonActivationsPage},
	{get, "/people/:id/link", administrator, (*Server).LinkPage},
	{post, "/people/:id/link", administrator, (*Server).LinkPeople},
	{post, "/people/:id/unlink", administrator, (*Server).UnlinkPerson},
	{get, "/people/:id/recovery", administrator, (*Server).RecoveryPage},
	{post, "/people/:id/recovery", administrator, (*Server).AskRecovery},
	{post, "/people/:id/recovery/:recovery/confirm", administrator, (*Server).ConfirmRecovery},
	{post, "/people/:id/recovery/:recovery/cancel", administrator, (*Server).CancelRecovery},
	{get, "/people/:id", auditor, (*Server).PersonPage},
	{get, "/people/:id/access", auditor, (*Server).PersonAccessPage},
	{get, "/people/:id/accounts/new", administrator, (*Server).NewAccountPage},
	{post, "/people/:id/accounts", administrator, (*Server).NameAccount},
	{post, "/people/:id/accounts/:account/confirm", administrator, (*Server).ConfirmAccount},
	{post, "/people/:id/accounts/:account/drop", administrator, (*Server).DropAccount},
	{post, "/people/:id/voucher", administrator, (*Server).IssueVoucher},
	{post, "/people/:id/disable", administrator, (*Server).DisablePerson},
	{post, "/people/:id/enable", administrator, (*Server).EnablePerson},
	{post, "/people/:id/end-sessions", administrator, (*Server).EndSessions},
	{get, "/resources", reader, (*Server).ResourcesPage},
	{get, "/resources/new", manager, (*Server).NewResourcePage},
	{post, "/resources", manager, (*Server).AddResource},
	{get, "/resources/:id", reader, (*Server).ResourcePage},
	{post, "/resources/:id", manager, (*Server).EditResource},
	{get, "/resources/:id/edit", manager, (*Server).EditResourcePage},
	{get, "/resources/:id/move", manager, (*Server).MoveResourcePage},
	{post, "/resources/:id/move", manager, (*Server).MoveResource},
	{get, "/resources/:id/owners", administrator, (*Server).OwnersPage},
	{post, "/resources/:id/owners", administrator, (*Server).SaveOwners},
	{get, "/resources/:id/retire", manager, (*Server).RetireResourcePage},
	{post, "/resources/:id/retire", manager, (*Server).RetireResource},
	{get, "/workloads", auditor, (*Server).WorkloadsPage},
	{post, "/workloads", administrator, (*Server).NewWorkload},
	{get, "/workloads/new", administrator, (*Server).NewWorkloadPage},
	{get, "/workloads/:id", auditor, (*Server).WorkloadPage},
	{get, "/workloads/:id/edit", administrator, (*Server).EditWorkloadPage},
	{post, "/workloads/:id/edit", administrator, (*Server).EditWorkload},
	{get, "/workloads/:id/remove", administrator, (*Server).RemoveWorkloadPage},
	{post, "/workloads/:id/remove", administrator, (*Server).RemoveWorkload},
	{post, "/workloads/:id/disable", administrator, (*Server).DisableWorkload},
	{post, "/workloads/:id/enable", administrator, (*Server).EnableWorkload},
	{get, "/workloads/:id/accounts/new", administrator, (*Server).NewAccountPage},
	{post, "/workloads/:id/accounts", administrator, (*Server).NameAccount},
	{post, "/workloads/:id/accounts/:account/confirm", administrator, (*Server).ConfirmAccount},
	{post, "/workloads/:id/accounts/:account/drop", administrator, (*Server).DropAccount},
	{get, "/groups", auditor, (*Server).GroupsPage},
	{post, "/groups", administrator, (*Server).NewGroup},
	{get, "/groups/new", administrator, (*Server).NewGroupPage},
	{get, "/groups/:id", auditor, (*Server).GroupPage},
	{post, "/groups/:id", administrator, (*Server).SaveGroup},
	{get, "/groups/:id/remove", administrator, (*Server).RemoveGroupPage},
	{post, "/groups/:id/remove", administrator, (*Server).RemoveGroup},
	{get, "/groups/:id/members/new", administrator, (*Server).AddMembersPage},
	{post, "/groups/:id/members", administrator, (*Server).AddMembers},
	{post, "/groups/:id/members/:member/remove", administrator, (*Server).RemoveMember},
	{get, "/roles", reader, (*Server).RolesPage},
	{post, "/roles", administrator, (*Server).MakeRole},
	{get, "/roles/new", administrator, (*Server).NewRolePage},
	{get, "/roles/:id", reader, (*Server).RolePage},
	{post, "/roles/:id", administrator, (*Server).SaveRole},
	{get, "/roles/:id/edit", administrator, (*Server).EditRolePage},
	{post, "/roles/:id/retire", administrator, (*Server).RetireRole},
	{get, "/roles/:id/meaning", reader, (*Server).RoleMeaningPage},
	{get, "/roles/:id/history", auditor, (*Server).RoleHistoryPage},
	{get, "/roles/:id/settings", reader, (*Server).SettingsPage},
	{post, "/roles/:id/settings", manager, (*Server).ChangeSettings},
	{get, "/roles/:id/settings/history", reader, (*Server).SettingsHistoryPage},
	{post, "/roles/:id/settings/restore", manager, (*Server).RestoreSettings},
	{get, "/targets", auditor, (*Server).TargetsPage},
	{get, "/targets/new", administrator, (*Server).NewTargetPage},
	{post, "/targets", administrator, (*Server).AddTarget},
	{get, "/targets/:id", auditor, (*Server).TargetPage},
	{post, "/targets/:id", administrator, (*Server).EditTarget},
	{get, "/targets/:id/edit", administrator, (*Server).EditTargetPage},
	{get, "/targets/:id/retire", administrator, (*Server).RetireTargetPage},
	{post, "/targets/:id/retire", administrator, (*Server).RetireTarget},
	{get, "/targets/:id/browse", administrator, (*Server).BrowseTargetPage},
	{post, "/targets/:id/browse", administrator, (*Server).BringIn},
	{get, "/targets/:id/grants/:grant/gone", administrator, (*Server).AcceptGonePage},
	{post, "/targets/:id/grants/:grant/gone", administrator, (*Server).AcceptGone},
	{post, "/targets/:id/test", administrator, (*Server).TestTarget},
	{post, "/targets/:id/scan", administrator, (*Server).ScanTarget},

	{get, "/sync", auditor, (*Server).SyncsPage},
	{get, "/sync/:id", auditor, (*Server).SyncPage},
	{post, "/sync/:id", administrator, (*Server).SaveSync},
	{post, "/sync/:id/preview", administrator, (*Server).PreviewSync},
	{post, "/sync/:id/run", administrator, (*Server).RunSync},
	{post, "/sync/:id/confirm", administrator, (*Server).ConfirmSync},
	{post, "/sync/:id/remove", administrator, (*Server).RemoveSync},
	{get, "/sync/:id/runs/:run", auditor, (*Server).SyncRunPage},

	// Watch
	{get, "/break-glass", auditor, (*Server).BreakGlassPage},
	{post, "/break-glass/accounts", administrator, (*Server).MarkBreakGlass},
	{post, "/break-glass/accounts/:id/unmark", administrator, (*Server).UnmarkBreakGlass},
	{post, "/break-glass/uses/:id/review", administrator, (*Server).ReviewUse},
	{get, "/audit", person, (*Server).AuditPage},
	{post, "/audit/export", person, (*Server).ExportAudit},
	{get, "/audit/exports", person, (*Server).AuditExports},
	{post, "/audit/searches", person, (*Server).SaveAuditSearch},
	{post, "/audit/searches/:id/delete", person, (*Server).DeleteAuditSearch},
	{get, "/audit/suggestions", person, (*Server).AuditSuggestions},
	{get, "/audit/:seq", person, (*Server).EntryPage},
	{get, "/audit/:seq/row", person, (*Server).EntryRow},
	{get, "/audit/story/:id", person, (*Server).StoryPage},
	{get, "/audit/:seq/proof", person, (*Server).EntryProof},
	{get, "/log/checkpoint", auditor, (*Server).LogCheckpoint},
	{get, "/log/tile/*", auditor, (*Server).LogTile},
}

// mount serves one line of the table; a line that says too little stops the program at its start.
func (s *Server) mount(e *echo.Echo, r route) {
	known := map[access]bool{anonymous: true, person: true, approver: true, manager: true, reader: true, auditor: true, administrator: true}
	if r.do == nil || r.path == "" || !known[r.who] || r.method != get && r.method != post {
		panic(fmt.Sprintf("web: the route %s %q does not say who may or what it does", r.method, r.path))
	}
	h := func(c echo.Context) error {
		q, err := s.visit(c, r.who)
		if err != nil {
			return err
		}
		return r.do(s, q)
	}
	e.Add(r.method, r.path, h)
	if r.method == get {
		e.Add(http.MethodHead, r.path, h)
	}
}
