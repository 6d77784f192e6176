package sample

import (
	"time"

	"stint/views"
)

func (s Samples) entrance() []Page {
	return append(s.breakGlass(), []Page{
		{"first-run", "/first-run", views.FirstRun(views.FirstRunView{
			Frame: s.frame(), SignedIn: s.T("carol@northwind.example"), People: 12, Targets: 1, Provider: s.T("Northwind sign-in"),
		})},
		{"first-run-anonymous", "/first-run", views.FirstRun(views.FirstRunView{Frame: s.frame()})},
		{"admin-link", "/admin-link/:token", views.AdminLink(views.AdminLinkView{
			Frame: s.frame(), Token: "Zm9v", Person: s.person("p3", "Carol Lindqvist", "carol@northwind.example"),
			Issuer: s.T("https://login.northwind.example"), Subject: s.T("8b2f6c1e"), Expires: min(14),
		})},
		{"sign-in", "/sign-in", views.SignIn(views.SignInView{
			Frame: s.frame(), Provider: s.T("Northwind sign-in"), Start: "/sign-in/start", NoAdmin: true,
		})},
		{"signed-out", "/sign-in", views.SignIn(views.SignInView{
			Frame: s.demo(), Provider: s.T("Northwind sign-in"), Start: "/sign-in/start", SignedOut: true,
			ProviderOut: "https://login.northwind.example/logout",
		})},
		{"sign-in-problem", "/sign-in/callback", views.SignInProblem(views.SignInProblemView{
			Frame: s.frame(), Title: s.T("Stint does not know you"),
			Text:  s.T("You signed in as erin@northwind.example, but nobody has entered that person here. Ask the Identity team to add you."),
			Retry: "/sign-in", Request: s.T("01JD-7QX4-M2KP"),
		})},
		{"passkeys-first", "/passkeys", views.Passkeys(views.PasskeysView{
			Shell: s.shell(), By: views.ByVoucher, Needed: 4, Name: s.T("Laptop"),
			Errors: views.Errors{"voucher": s.T("This voucher has been used or is over. Ask for a new one.")}, Voucher: s.T("WXQ4-71PM"),
		})},
		{"passkeys-claim", "/passkeys", views.Passkeys(views.PasskeysView{Shell: s.shell(), By: views.ByClaim, Needed: 1})},
		{"passkeys-blocked", "/passkeys", views.Passkeys(views.PasskeysView{
			Shell: s.shell(), By: views.ByNothing,
			Why: s.T("You had a passkey before, so a voucher from an administrator is not enough. Whoever runs Stint’s server can replace lost passkeys."),
		})},
		{"passkeys", "/passkeys", views.Passkeys(views.PasskeysView{Shell: s.shell(), By: views.ByExisting, Makes: true, Rows: []views.PasskeyRow{
			{ID: "k1", Name: s.T("Blue key"), Attested: true, CreatedAt: ago(60 * 24 * 90), LastUsed: ago(28)},
			{ID: "k2", Name: s.T("Phone"), Synced: true, CreatedAt: ago(60 * 24 * 9), Error: s.T("Another passkey of yours has this name.")},
		}})},
		{"step-up", "/step-up/:id", views.StepUp(s.stepUp())},
		{"step-up-several", "/step-up/:id", views.StepUp(s.stepUpSeveral())},
		{"step-up-provider", "/step-up/:id", views.StepUp(s.stepUpProvider())},
		{"step-up-create", "/step-up/:id", views.StepUp(views.StepUpView{
			Frame: s.frame(), ID: "c3", Create: true, Title: "Create your passkey", Name: s.T("Laptop"), Expires: min(5),
			Options: s.T(`{"challenge":"AAAA"}`), Back: views.Link{Text: "Cancel", Href: "/passkeys"},
		})},
	}...)
}

func (s Samples) demo() views.Frame {
	f := s.frame()
	f.Demo = s.T("This is the demo: everybody here is invented and nothing is protected.")
	return f
}

func (s Samples) stepUp() views.StepUpView {
	return views.StepUpView{
		Frame: s.frame(), ID: "c1", Title: "Confirm this activation", Expires: min(5), Digest: s.T("9f2c 41d8 … 77ab"),
		Options: s.T(`{"challenge":"AAAA"}`), Back: views.Link{Href: "/my-roles/a1/activate"},
		Items: []views.StepUpItem{{
			Role: s.T("Domain Admins"), Scope: s.domainAdmins().Scope, Duration: time.Hour, From: "from the approval",
			Reason: s.T("Fail over the billing gateway to the second zone and put the firewall rule back afterwards."),
			Ticket: s.T("INC-48213"), Person: s.T("Alice Keller"),
		}},
	}
}

func (s Samples) stepUpProvider() views.StepUpView {
	v := s.stepUp()
	v.Provider, v.Options, v.Digest = "/step-up/c1/provider", "", ""
	v.Contexts = []string{s.T("urn:northwind:card"), s.T("urn:northwind:mfa")}
	return v
}

func (s Samples) stepUpSeveral() views.StepUpView {
	return views.StepUpView{
		Frame: s.frame(), ID: "c2", Title: "Confirm 2 actions", Expires: min(4), Error: s.T("That passkey belongs to somebody else. Use one of yours."),
		Items: []views.StepUpItem{
			{Title: s.T("Disable Farid Nazari"), Person: s.T("Farid Nazari"), Object: s.T("sign-in, 2 active roles, 1 request")},
			{Title: s.T("Revoke db_owner"), Role: s.T("db_owner"), Scope: s.dbOwner().Scope, Person: s.T("Farid Nazari"), Reason: s.T("Left the team today.")},
		},
	}
}
