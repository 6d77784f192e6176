package pim

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Invariant 4, T9: the same set gives the same bytes in any order; another person, action, object,
// version, role, scope, duration, start or reason gives others.
func TestCanonicalItems(t *testing.T) {
	item := StepUpItem{Action: ActionActivate, Object: "asg", Version: 1, RoleID: "dba", ResourceID: "prod", Duration: 3600, Start: 5, Commitment: "c"}
	base := CanonicalItems("alice", []StepUpItem{item})
	for name, change := range map[string]func(*StepUpItem){
		"action":   func(i *StepUpItem) { i.Action = ActionApprove },
		"object":   func(i *StepUpItem) { i.Object = "asg2" },
		"version":  func(i *StepUpItem) { i.Version = 2 },
		"role":     func(i *StepUpItem) { i.RoleID = "admin" },
		"resource": func(i *StepUpItem) { i.ResourceID = "test" },
		"duration": func(i *StepUpItem) { i.Duration = 8 * 3600 },
		"start":    func(i *StepUpItem) { i.Start = 6 },
		"reason":   func(i *StepUpItem) { i.Commitment = "d" },
	} {
		other := item
		change(&other)
		if bytes.Equal(base, CanonicalItems("alice", []StepUpItem{other})) {
			t.Errorf("another %s signs the same bytes", name)
		}
	}
	if bytes.Equal(base, CanonicalItems("bob", []StepUpItem{item})) {
		t.Error("another person signs the same bytes")
	}
	if bytes.Equal(base, CanonicalItems("alice", []StepUpItem{item, item})) {
		t.Error("an item more signs the same bytes")
	}
}

func TestCanonicalItemsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) StepUpItem {
			return StepUpItem{Action: rapid.SampledFrom([]StepUpAction{ActionApprove, ActionDeny}).Draw(rt, "action"), Object: rapid.StringMatching(`[a-c]{1,2}`).Draw(rt, "object")}
		}), 1, 6, func(i StepUpItem) string { return string(i.Action) + i.Object }).Draw(rt, "items")
		shuffled := rapid.Permutation(items).Draw(rt, "order")
		if !bytes.Equal(CanonicalItems("p", items), CanonicalItems("p", shuffled)) {
			rt.Fatal("order matters")
		}
	})
}

// The digest in the audit leaf changes with every raw part, also when bytes move from one to the next.
func TestStepUpDigest(t *testing.T) {
	s := StepUp{Random: []byte("r"), Canonical: []byte("c"), AuthData: []byte("a"), ClientData: []byte("d"), Signature: []byte("s")}
	base := s.Digest()
	for name, other := range map[string]StepUp{
		"random":      {Random: []byte("x"), Canonical: s.Canonical, AuthData: s.AuthData, ClientData: s.ClientData, Signature: s.Signature},
		"canonical":   {Random: s.Random, Canonical: []byte("x"), AuthData: s.AuthData, ClientData: s.ClientData, Signature: s.Signature},
		"auth data":   {Random: s.Random, Canonical: s.Canonical, AuthData: []byte("x"), ClientData: s.ClientData, Signature: s.Signature},
		"client data": {Random: s.Random, Canonical: s.Canonical, AuthData: s.AuthData, ClientData: []byte("x"), Signature: s.Signature},
		"signature":   {Random: s.Random, Canonical: s.Canonical, AuthData: s.AuthData, ClientData: s.ClientData, Signature: []byte("x")},
		"moved bytes": {Random: []byte("rc"), Canonical: nil, AuthData: s.AuthData, ClientData: s.ClientData, Signature: s.Signature},
	} {
		if other.Digest() == base {
			t.Errorf("%s: the same digest", name)
		}
	}
	s.Salt, s.SignCount = []byte("erased"), 9
	if s.Digest() != base {
		t.Error("erasing the salt changes the digest")
	}
}
