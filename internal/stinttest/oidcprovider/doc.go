// Package oidcprovider runs panva's oidc-provider (Node.js, pinned by package-lock.json) as a third-party
// OpenID provider for tests, and walks its login form like a browser without script would.
//
// [Start] installs it once into the user's cache directory. Without node and npm the test is skipped with
// one sentence, or fails where CI=true or STINT_E2E=1 promise that they are there.
package oidcprovider
