//go:build e2e

package web_test

import (
	"testing"
	"time"

	"stint/internal/stinttest/browser"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// B-05, T36, F13: in a real browser, with the provider gone, a discoverable passkey alone lets the account for emergencies
// in; one that is no such account is told so and may try again.
func TestEmergencyAccessInChromium(t *testing.T) {
	w := stinttest.New(t)
	sealed := w.Person("sealed")
	w.Administrator("sealed")
	sealed.SignIn()
	voucher, err := w.Broker.IssueVoucher(t.Context(), "sealed", false)
	w.OK(err)
	tab := tabOf(t, browser.Start(t, 2*time.Minute), sealed, "/passkeys")
	tab.Authenticator()
	tab.Fill("name", "Safe of building A")
	tab.Fill("voucher", voucher)
	tab.Press("Add passkey")
	tab.Sees("Create your passkey")
	tab.Press("Create passkey")
	tab.Sees("Passkey added.")
	tab.Press("Sign out")
	tab.Sees("You are signed out of Stint.")
	w.Provider.Stop()

	tab.Open("/sign-in")
	tab.Run(`document.querySelector("a[href='/sign-in/emergency']").click()`)
	tab.Sees("For accounts kept for emergencies")
	tab.Press("Use passkey")
	tab.Sees("This passkey opens nothing here.")
	w.Do(func(tx *store.Tx) error { return tx.MarkBreakGlass("sealed", "sealed") })
	tab.Press("Use passkey")
	tab.Sees("Signed in by emergency access for one hour.", "sealed signed in by emergency access")
	tab.Accessible("after emergency access")
	tab.Open("/break-glass")
	tab.Sees("This was you. Another administrator reviews it.")
	tab.Accessible("break-glass")
}
