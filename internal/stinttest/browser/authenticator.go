//go:build e2e

package browser

import (
	"context"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Authenticator gives the tab a virtual authenticator that is always touched and has verified its owner.
func (b *Tab) Authenticator() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.auth = added.AuthenticatorID
}

// Verifies says whether the authenticator manages to verify its owner.
func (b *Tab) Verifies(v bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: b.auth, IsUserVerified: v}); err != nil {
		b.t.Fatal(err)
	}
}

// Cookies are the cookies that would be sent to an address, by name.
func (b *Tab) Cookies(address string) map[string]string {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range got.Cookies {
		out[c.Name] = c.Value
	}
	return out
}

func contextWithPatience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}
