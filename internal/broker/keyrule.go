package broker

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// EnsureKeyRule notes which passkeys count as attested, as the configuration says now, with an event where that changed.
// The rule is kept beside what it decides, so that every node and every command judge by the same one.
func (b *Broker) EnsureKeyRule(ctx context.Context) error {
	is := b.rp.KeyRule()
	text, err := json.Marshal(is)
	if err != nil {
		return err
	}
	return do(ctx, b, func(tx *store.Tx) error {
		was, err := keyRule(tx.Reader)
		if err != nil || was.Equal(is) {
			return err
		}
		models := make([]string, len(is.Models))
		for i, m := range is.Models {
			models[i] = hex.EncodeToString(m)
		}
		tx.Emit(pim.Event{Type: pim.EvKeyRuleSaved, Actor: pim.System, Result: pim.OK, Facts: map[string]any{"roots": is.Roots, "models": models}})
		return tx.SetMeta(store.MetaKeyRule, string(text))
	})
}

// keyRule is which passkeys count as attested.
func keyRule(r *store.Reader) (rule pim.KeyRule, err error) {
	text, err := r.Meta(store.MetaKeyRule)
	if err != nil || text == "" {
		return rule, err
	}
	return rule, json.Unmarshal([]byte(text), &rule)
}

// AttestedInVain lists the roles whose settings ask somewhere for an attested passkey, where none could count.
func (b *Broker) AttestedInVain(ctx context.Context) ([]string, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (out []string, err error) {
		rule, err := keyRule(r)
		if err != nil || rule.Possible() {
			return nil, err
		}
		rows, err := r.AllSettings()
		for _, row := range rows {
			if row.StepUp != nil && *row.StepUp == pim.StepUpAttested && !slices.Contains(out, row.RoleID) {
				out = append(out, row.RoleID)
			}
		}
		return out, err
	})
}

// KeyRule is keyRule for the pages.
func KeyRule(r *store.Reader) (pim.KeyRule, error) { return keyRule(r) }

// attestedKeys lists the passkeys of a person that count as attested, where a level asks for any.
func attestedKeys(r *store.Reader, principalID string, level pim.StepUpLevel) ([]string, error) {
	if !level.Asks() {
		return nil, nil
	}
	rule, err := keyRule(r)
	if err != nil || !rule.Possible() {
		return nil, err
	}
	credentials, err := r.CredentialsOf(principalID)
	return rule.Counting(credentials), err
}

// onlyAttested leaves out the passkeys that do not count as attested.
func onlyAttested(r *store.Reader, list []pim.Credential) ([]pim.Credential, error) {
	rule, err := keyRule(r)
	return slices.DeleteFunc(list, func(c pim.Credential) bool { return !rule.Counts(c) }), err
}

// attestedEvidence reports whether something was confirmed with a passkey that counts as attested today.
func attestedEvidence(r *store.Reader, stepUpID string) (bool, error) {
	su, _, err := r.StepUp(stepUpID)
	if err != nil {
		return false, found(err)
	}
	keys, err := attestedKeys(r, su.PrincipalID, pim.StepUpAttested)
	if err != nil || su.BackupEligible || su.BackedUp {
		return false, err
	}
	return slices.Contains(keys, su.CredentialID), nil
}
