// Package browser drives a real Chromium for tests (build tag e2e): tabs with cookies of their own, a
// virtual authenticator each, real mouse and keyboard, screenshots, and an automated accessibility check.
//
// It owns starting and ending the browser and everything a page complained about: refusals of the content
// security policy, console errors, exceptions, failed requests and dialogs are kept until a test asks for
// them. What a page should say is the test's business. It waits by asking the page again until a deadline,
// never for a fixed time. Only tests import it.
package browser
