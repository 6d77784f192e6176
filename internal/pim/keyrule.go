package pim

import (
	"bytes"
	"slices"
)

// KeyRule says which passkeys are bound to a device and attested: those whose make was proved, at registration, under a
// root certificate that those who run Stint trust.
type KeyRule struct {
	Roots  []string `json:"roots"`            // SHA-256 of each certificate's DER, hex
	Models [][]byte `json:"models,omitempty"` // AAGUIDs; none: every model under these roots
}

// Possible reports whether any passkey could count.
func (k KeyRule) Possible() bool { return len(k.Roots) > 0 }

// Counts reports whether a passkey does. The rule is today's: a root or a model that is taken out counts no more. One
// that can be copied to other devices never does (WebAuthn L3 §6.1.3, backup eligibility).
func (k KeyRule) Counts(c Credential) bool {
	switch {
	case c.AttestedBy == "" || !slices.Contains(k.Roots, c.AttestedBy) || c.BackupEligible || c.BackedUp:
		return false
	case len(k.Models) == 0:
		return true
	default:
		return slices.ContainsFunc(k.Models, func(m []byte) bool { return bytes.Equal(m, c.AAGUID) })
	}
}

// Counting lists the ids of those that count.
func (k KeyRule) Counting(list []Credential) []string {
	var out []string
	for _, c := range list {
		if k.Counts(c) {
			out = append(out, c.ID)
		}
	}
	return out
}

// Equal reports whether two rules are the same.
func (k KeyRule) Equal(other KeyRule) bool {
	return slices.Equal(k.Roots, other.Roots) && slices.EqualFunc(k.Models, other.Models, bytes.Equal)
}
