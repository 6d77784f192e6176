package oidcprovider

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// startLimit is generous: Node may share two cores with other suites.
const startLimit = 60 * time.Second

// Accounts are the people who can sign in, by login, with their claims. Any password will do.
var Accounts = map[string]map[string]any{
	"ada": {
		"name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@example.org", "email_verified": true,
		"groups": []string{"dba", "on-call"},
	},
	"grace": {
		"name": "Grace Hopper", "preferred_username": "grace", "email": "grace@example.org", "email_verified": true,
		"groups": []string{},
	},
	"edsger": {"name": "Edsger Dijkstra", "preferred_username": "edsger", "email": "edsger@example.org", "email_verified": false},
}

// Provider is one running provider with one client registered. Its people sign in with the scopes
// openid, profile, email and groups; PKCE is required.
type Provider struct {
	Issuer       string
	ClientID     string
	ClientSecret string // "" for a public client
}

// Options say how the client is registered.
type Options struct {
	RedirectURLs   []string
	PostLogoutURLs []string
	Alg            string // of ID tokens: RS256 (default), PS256, ES256 or EdDSA
	Public         bool   // no client secret
	BackChannelURL string // where logout tokens go, with the session's name; with it refresh tokens are handed out
}

// Start runs a provider until the test ends, with a confidential client for these callbacks.
func Start(t testing.TB, redirectURLs ...string) *Provider {
	t.Helper()
	return StartWith(t, Options{RedirectURLs: redirectURLs})
}

// StartWith is [Start] with every option.
func StartWith(t testing.TB, o Options) *Provider {
	t.Helper()
	p := &Provider{ClientID: "stint"}
	if !o.Public {
		p.ClientSecret = rand.Text()
	}
	if o.Alg == "" {
		o.Alg = "RS256"
	}
	settings, err := json.Marshal(map[string]any{
		"clientID": p.ClientID, "clientSecret": p.ClientSecret, "alg": o.Alg, "accounts": Accounts,
		"redirectURLs": o.RedirectURLs, "backChannelURL": o.BackChannelURL, "postLogoutURLs": append([]string{}, o.PostLogoutURLs...),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Issuer = run(t, install(t), settings)
	return p
}

// run starts the launcher, which ends with its stdin, and returns the issuer it prints.
func run(t testing.TB, dir string, settings []byte) string {
	t.Helper()
	cmd := exec.Command("node", "launcher.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "STINT_PROVIDER="+string(settings))
	var faults bytes.Buffer
	cmd.Stderr = &faults
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting node: %v", err)
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- text
	}()
	stop := func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed on purpose
	}
	t.Cleanup(stop)
	issuer, err := readIssuer(line)
	if err != nil {
		stop()
		t.Fatalf("oidc-provider did not start: %v\n%s", err, faults.String())
	}
	return issuer
}

func readIssuer(line <-chan string) (string, error) {
	select {
	case text := <-line:
		var hello struct {
			Issuer string `json:"issuer"`
		}
		if err := json.Unmarshal([]byte(text), &hello); err != nil || hello.Issuer == "" {
			return "", fmt.Errorf("it printed %q instead of its issuer", text)
		}
		return hello.Issuer, nil
	case <-time.After(startLimit):
		return "", fmt.Errorf("nothing printed within %s", startLimit)
	}
}
