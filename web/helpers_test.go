package web_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"go.uber.org/goleak"

	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

type goquerySelection = goquery.Selection

func jsonLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPasskey(w *stinttest.World) *passkey.Passkey { return passkey.New(w.URL, "localhost") }

func readPrincipals(r *store.Reader) ([]pim.Principal, error) { return r.Principals(pim.Person) }

var downFaults, noFaults = faketarget.Faults{Down: true}, faketarget.Faults{}
