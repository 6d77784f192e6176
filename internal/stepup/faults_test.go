package stepup_test

import (
	"bytes"
	"slices"
	"testing"

	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

// fault is one line of the WebAuthn L3 checklist (THREATS §3b) turned against us.
type fault struct {
	name string
	set  func(*testing.T, *passkey.Passkey)
	want stepup.Code
}

// common faults must be refused in a registration and in an assertion alike.
var common = []fault{
	{"type of another ceremony", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Type = "payment.get" }, stepup.WrongType},
	{"challenge of another", client(`"challenge":"`, `"challenge":"A`), stepup.WrongChallenge},
	{"challenge missing", client(`"challenge":`, `"chall":`), stepup.WrongChallenge},
	{"challenge not a string", client(`"challenge":`, `"x":"","challenge":7,"y":`), stepup.Malformed},
	{"origin of another site", page("https://evil.example"), stepup.WrongOrigin},
	{"origin with our name as a suffix", page("https://evil-stint.example"), stepup.WrongOrigin},
	{"origin below our name", page("https://x.stint.example"), stepup.WrongOrigin},
	{"origin with our name as a prefix", page("https://stint.example.evil.example"), stepup.WrongOrigin},
	{"origin with a path", page("https://stint.example/"), stepup.WrongOrigin},
	{"origin in capitals", page("https://STINT.example"), stepup.WrongOrigin},
	{"origin with a port", page("https://stint.example:8443"), stepup.WrongOrigin},
	{"origin with the default port", page("https://stint.example:443"), stepup.WrongOrigin},
	{"origin without TLS", page("http://stint.example"), stepup.WrongOrigin},
	{"origin with user information", page("https://evil@stint.example"), stepup.WrongOrigin},
	{"origin null", page("null"), stepup.WrongOrigin},
	{"crossOrigin true", func(_ *testing.T, p *passkey.Passkey) { p.Faults.CrossOrigin = true }, stepup.CrossOrigin},
	{"crossOrigin and topOrigin", func(_ *testing.T, p *passkey.Passkey) {
		p.Faults.CrossOrigin, p.Faults.TopOrigin = true, origin
	}, stepup.CrossOrigin},
	{"topOrigin alone", func(_ *testing.T, p *passkey.Passkey) { p.Faults.TopOrigin = origin }, stepup.CrossOrigin},
	{"topOrigin empty", client(`"crossOrigin":false`, `"crossOrigin":false,"topOrigin":""`), stepup.CrossOrigin},
	{"topOrigin null", client(`"crossOrigin":false`, `"crossOrigin":false,"topOrigin":null`), stepup.CrossOrigin},
	{"crossOrigin null", client(`"crossOrigin":false`, `"crossOrigin":null`), stepup.CrossOrigin},
	{"rpIdHash of another site", func(_ *testing.T, p *passkey.Passkey) { p.RPID = "evil.example" }, stepup.WrongRP},
	{"rpIdHash of the parent domain", func(_ *testing.T, p *passkey.Passkey) { p.RPID = "example" }, stepup.WrongRP},
	{"user not present", func(_ *testing.T, p *passkey.Passkey) { p.Faults.NoUserPresence = true }, stepup.NotPresent},
	{"user not verified", func(_ *testing.T, p *passkey.Passkey) { p.Faults.NoUserVerification = true }, stepup.NotVerified},
	{"backed up but not eligible", func(_ *testing.T, p *passkey.Passkey) { p.BackedUp = true }, stepup.BackupInvalid},
	{"client data with a byte order mark", client("{", "\ufeff{"), stepup.Malformed},
	{"client data with trailing bytes", client("}", "} {}"), stepup.Malformed},
	{"client data naming a member twice", client(`"crossOrigin"`, `"origin":"https://evil.example","crossOrigin"`), stepup.Malformed},
	{"client data naming a member twice in other case", client(`"crossOrigin"`, `"Origin":"https://stint.example","crossOrigin"`), stepup.Malformed},
	{"client data naming a member twice by folding", client(`"crossOrigin"`, `"cro\u017fsOrigin":true,"crossOrigin"`), stepup.Malformed},
	{"client data with a member in other case only", client(`"origin"`, `"ORIGIN"`), stepup.WrongOrigin},
	{"client data not UTF-8", client(`{`, "{\"\xff\":1,"), stepup.Malformed},
	{"client data cut off", cutClient, stepup.Malformed},
	{"client data empty", func(_ *testing.T, p *passkey.Passkey) {
		p.Faults.ClientData = func([]byte) []byte { return nil }
	}, stepup.Malformed},
	{"authenticator data with trailing bytes", auth(func(b []byte) []byte { return append(b, 0) }), stepup.Malformed},
	{"authenticator data cut off", auth(func(b []byte) []byte { return b[:36] }), stepup.Malformed},
	{"authenticator data empty", auth(func([]byte) []byte { return nil }), stepup.Malformed},
	{"extension flag without extensions", auth(func(b []byte) []byte { b[32] |= 0x80; return b }), stepup.Malformed},
	{"extensions with trailing bytes", auth(func(b []byte) []byte { b[32] |= 0x80; return append(b, 0xa0, 0xa0) }), stepup.Malformed},
	{"extensions naming a key twice", auth(func(b []byte) []byte {
		b[32] |= 0x80
		return append(b, 0xa2, 0x61, 'x', 1, 0x61, 'x', 2)
	}), stepup.Malformed},
	{"extensions of a gigabyte", auth(func(b []byte) []byte {
		b[32] |= 0x80
		return append(b, 0xa1, 0x61, 'x', 0x5a, 0x40, 0, 0, 0)
	}), stepup.Malformed},
	{"response with id and rawId apart", answer(func(m map[string]any) { m["rawId"] = "AAAA" }), stepup.Malformed},
	{"response without id", answer(func(m map[string]any) { delete(m, "id") }), stepup.Malformed},
	{"response of another type", answer(func(m map[string]any) { m["type"] = "password" }), stepup.Malformed},
	{"response without response", answer(func(m map[string]any) { delete(m, "response") }), stepup.Malformed},
	{"response over 64 KiB", answer(func(m map[string]any) { m["x"] = string(bytes.Repeat([]byte("x"), stepup.MaxResponse)) }), stepup.TooLarge},
	{"response of 1 MB", answer(func(m map[string]any) { m["x"] = make([]byte, 1<<20) }), stepup.TooLarge},
	{"response naming a member twice in other case", answer(func(m map[string]any) { m["RawID"] = "AAAA" }), stepup.Malformed},
	{"response nested deeply", answer(func(m map[string]any) {
		var v any = 1
		for range 40 {
			v = []any{v}
		}
		m["x"] = v
	}), stepup.Malformed},
}

func page(o string) func(*testing.T, *passkey.Passkey) {
	return func(_ *testing.T, p *passkey.Passkey) { p.Origin = o }
}

func client(old, with string) func(*testing.T, *passkey.Passkey) {
	return func(t *testing.T, p *passkey.Passkey) { p.Faults.ClientData = swap(t, old, with) }
}

func cutClient(_ *testing.T, p *passkey.Passkey) {
	p.Faults.ClientData = func(b []byte) []byte { return b[:len(b)-1] }
}

func auth(f func([]byte) []byte) func(*testing.T, *passkey.Passkey) {
	return func(_ *testing.T, p *passkey.Passkey) {
		p.Faults.AuthData = func(b []byte) []byte { return f(slices.Clone(b)) }
	}
}

func answer(f func(map[string]any)) func(*testing.T, *passkey.Passkey) {
	return func(_ *testing.T, p *passkey.Passkey) { p.Faults.Response = f }
}

// THREATS §3b, both ceremonies: type, challenge, origin, frames, rpIdHash, UP, UV, BE/BS, bytes.
func TestCommonFaults(t *testing.T) {
	t.Parallel()
	for _, f := range common {
		t.Run("registration/"+f.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			f.set(t, d.key)
			_, err := d.register()
			wantCode(t, err, f.want)
		})
		t.Run("assertion/"+f.name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			f.set(t, d.key)
			_, err := d.confirm()
			wantCode(t, err, f.want)
		})
	}
}
