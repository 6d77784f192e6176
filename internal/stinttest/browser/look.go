//go:build e2e

package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe-core, the accessibility checker; its licence stands in its first lines.
//
//go:embed axe.min.js
var axe string

// Size makes the window so many CSS pixels; below 500 it is a phone.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
	}); err != nil {
		b.t.Fatal(err)
	}
}

// Scripts says whether pages may run scripts; what a test evaluates runs all the same.
func (b *Tab) Scripts(may bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !may}); err != nil {
		b.t.Fatal(err)
	}
}

// Scheme is the system's choice of colours: light or dark.
func (b *Tab) Scheme(scheme string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}

// Shot is the visible part of the page as PNG. A tab behind another one may draw nothing, so it comes to the front.
func (b *Tab) Shot() []byte {
	b.t.Helper()
	ctx, cancel := contextWithPatience(b.ctx)
	defer cancel()
	if _, err := chromedp.Call(ctx, page.BringToFront, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// Sideways is by how many pixels the page scrolls sideways: "0" is right (UI.md §3).
func (b *Tab) Sideways() string {
	b.t.Helper()
	return b.Text(`String(document.documentElement.scrollWidth - document.documentElement.clientWidth)`)
}

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
.then((r) => JSON.stringify(r.passes.length < 5 ? ["axe did not look"] : r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | "))))`

// Accessible reports an error for each finding against WCAG 2.2 A and AA and best practices.
func (b *Tab) Accessible(where string) {
	b.t.Helper()
	var found []string
	if err := json.Unmarshal([]byte(b.findings()), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		b.t.Errorf("%s: %s", where, f)
	}
}

// findings are what axe-core finds; Chromium now and then loses the answer of a promise on a busy machine, so it is asked again.
func (b *Tab) findings() string {
	b.t.Helper()
	for range 3 {
		if b.Text(`typeof window.axe`) == "undefined" {
			b.Run(axe)
		}
		ctx, cancel := context.WithTimeout(b.ctx, 90*time.Second)
		findings, err := chromedp.Run(ctx, chromedp.Evaluate[string](runAxe, func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
		cancel()
		if err == nil {
			return findings
		}
		b.t.Logf("axe: %v", err)
	}
	b.t.Fatal("axe did not answer three times")
	return ""
}
