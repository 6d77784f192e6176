package stinttest

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"stint/internal/connector"
	"stint/internal/stinttest/passkey"
)

// Person is somebody with a browser and a passkey in it.
type Person struct {
	*World
	*Client
	ID      string
	Account connector.AccountID
	Passkey *passkey.Passkey
}

// SignIn goes through the provider and back; claims go into the provider's answer.
func (p *Person) SignIn(claims ...map[string]any) *Page {
	p.World.Helper()
	return p.SignInAt("/sign-in/start", claims...)
}

// SignInAt starts at a given address, as with a return_to.
func (p *Person) SignInAt(start string, claims ...map[string]any) *Page {
	p.World.Helper()
	p.signIn.Lock()
	defer p.signIn.Unlock()
	all := map[string]any{"name": p.ID, "auth_time": p.Clock.Now().Unix()}
	for _, c := range claims {
		for k, v := range c {
			all[k] = v
		}
	}
	p.Provider.SignInAs(p.ID, all)
	page := p.Get(start)
	for range 2 { // to the provider, and back to the callback
		page.Want(p, http.StatusSeeOther)
		page = p.Get(page.Location())
	}
	return page
}

// Enrol adds a passkey with a voucher made on the host, the first one's way without a claim.
func (p *Person) Enrol() {
	p.World.Helper()
	voucher, err := p.Broker.IssueVoucher(context.Background(), p.ID, false)
	p.OK(err)
	page := p.Post("/passkeys/new", "name", "Laptop", "voucher", voucher).Want(p, http.StatusSeeOther)
	p.Confirm(page.Location()).Want(p, http.StatusSeeOther)
}

// Ready signs in and enrols.
func (p *Person) Ready() *Person {
	p.World.Helper()
	p.SignIn().Want(p, http.StatusSeeOther)
	p.Enrol()
	return p
}

// Answer opens a step-up page and lets the passkey answer it, without sending the answer.
func (p *Person) Answer(stepUp string) string {
	p.World.Helper()
	page := p.Get(stepUp).Want(p, http.StatusOK)
	form := page.Find("form[data-stepup]")
	options, kind := form.AttrOr("data-options", ""), form.AttrOr("data-stepup", "")
	answer := p.Passkey.Get
	if kind == "create" {
		answer = p.Passkey.Create
	}
	response, err := answer([]byte(options))
	p.OK(err)
	return string(response)
}

// Again follows a step-up to the provider, which answers with claims, and comes back.
func (p *Person) Again(stepUp string, claims map[string]any) *Page {
	p.World.Helper()
	p.signIn.Lock()
	defer p.signIn.Unlock()
	all := map[string]any{"name": p.ID, "auth_time": p.Clock.Now().Unix()}
	sub := p.ID
	for k, v := range claims {
		if k == "sub" {
			sub, _ = v.(string)
			continue
		}
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	p.Provider.SignInAs(sub, all)
	page := p.Get(p.Get(stepUp).Want(p, http.StatusOK).Find("main a.btn.primary").AttrOr("href", "")).Want(p, http.StatusSeeOther)
	page = p.Get(page.Location()).Want(p, http.StatusSeeOther)
	return p.Get(page.Location())
}

// Confirm answers a step-up with the passkey.
func (p *Person) Confirm(stepUp string) *Page {
	p.World.Helper()
	return p.Post(stepUp, "response", p.Answer(stepUp))
}

// Ask sends the activation form; the answer leads to the step-up or the activation.
func (p *Person) Ask(assignment string, pairs ...string) *Page {
	p.World.Helper()
	form := []string{"duration", "60", "justification", "Mend the broken invoice run"}
	if len(pairs) > 0 {
		form = pairs
	}
	return p.Post("/my-roles/"+assignment+"/activations", form...)
}

// Activate asks for a role and confirms with the passkey where it is asked for; it returns the
// activation's id.
func (p *Person) Activate(assignment string, pairs ...string) string {
	p.World.Helper()
	page := p.Ask(assignment, pairs...).Want(p, http.StatusSeeOther)
	if strings.HasPrefix(page.Location(), "/step-up/") {
		page = p.Confirm(page.Location()).Want(p, http.StatusSeeOther)
	}
	id, ok := strings.CutPrefix(page.Location(), "/activations/")
	if !ok {
		p.Fatalf("activating led to %s", page.Location())
	}
	return id
}

// Decide sends an approver's decision, approve or deny, and confirms it.
func (p *Person) Decide(activation, decision string) *Page {
	p.World.Helper()
	page := p.Post("/approvals/"+activation+"/decision", "decision", decision, "justification", "It is planned work")
	if page.StatusCode != http.StatusSeeOther {
		return page
	}
	return p.Confirm(page.Location())
}

// Approve approves a request and stops the test when that is refused.
func (p *Person) Approve(activation string) {
	p.World.Helper()
	p.Decide(activation, "approve").Want(p, http.StatusSeeOther)
}

// Do is the browser's Do; the World's writes to the database.
func (p *Person) Do(method, path string, form url.Values, headers ...string) *Page {
	p.World.Helper()
	return p.Client.Do(method, path, form, headers...)
}
