//go:build e2e

package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to become what a test waits for: a busy machine, never the usual case.
const patience = time.Minute

// Browser is one running Chromium.
type Browser struct {
	ctx context.Context
}

// Start runs Chromium until the test ends, at most for limit. Without Chromium the test is skipped, or fails
// when STINT_E2E=1 or CI=true.
func Start(t testing.TB, limit time.Duration) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("STINT_E2E") == "1" || os.Getenv("CI") == "true" {
			t.Fatal("Chromium is missing (package chromium).")
		}
		t.Skip("Chromium is missing: the browser tests are skipped (package chromium).")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=UTC"), chromedp.Flag("lang", "en"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, limit)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return &Browser{ctx: ctx}
}
