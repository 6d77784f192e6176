package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

// evidence verifies again what passkeys signed, beside the replay of the log: an entry that says somebody
// confirmed it must have kept evidence of exactly that (THREATS T9, §5 offline verify 4; NIST SP 800-53 AU-10).
type evidence struct {
	kept      keptEvidence
	parties   []*stepup.RelyingParty // the addresses people may have confirmed at
	named     map[string]bool        // ids of evidence that the log names
	used      map[use]int            // what evidence stood for already
	digests   map[string]bool        // digests that the log names for other things
	added     map[string]added       // passkeys that the log says were added, by id
	good      map[string]bool        // digests of what verified
	confirmed int64                  // approvals and activations among what verified
	verified  int64
	erased    int64 // verified, but the reason that was signed is erased
	unlogged  int64 // verified by a key that was added before the log named keys
}

// keptEvidence is what passkeys signed, in the database or in a file beside an export.
type keptEvidence interface {
	Evidence(id string) (store.Evidence, error)
	EvidenceIDs(after string, limit int) ([]string, error) // in order
}

func newEvidence(kept keptEvidence, addresses []string) (*evidence, error) {
	v := &evidence{kept: kept, named: map[string]bool{}, used: map[use]int{}, digests: map[string]bool{}, added: map[string]added{}, good: map[string]bool{}}
	for _, address := range addresses {
		rp, err := stepup.New(address, "Stint")
		if err != nil {
			return nil, err
		}
		v.parties = append(v.parties, rp)
	}
	return v, nil
}

// confirms are the actions a passkey confirms for an event.
var confirms = map[string][]pim.StepUpAction{
	string(pim.EvActRequested): {pim.ActionActivate},
	string(pim.EvActApproved):  {pim.ActionApprove},
	string(pim.EvActDenied):    {pim.ActionDeny},
	string(pim.EvActEnded):     {pim.ActionRevoke},
	string(pim.EvActCanceled):  {pim.ActionCancelOther},
	string(pim.EvActTouched):   {pim.ActionStart},
	string(pim.EvExtRequested): {pim.ActionExtend},
	string(pim.EvExtApproved):  {pim.ActionApproveExtension},
	string(pim.EvExtDenied):    {pim.ActionDenyExtension},
}

// always are the events that nothing makes but a passkey, whatever a role's settings were.
var always = []string{string(pim.EvActApproved), string(pim.EvActDenied), string(pim.EvActTouched), string(pim.EvExtApproved), string(pim.EvExtDenied)}

// use is one thing that a passkey confirmed once, by what it signed: under another id it is the same touch.
type use struct{ challenge, event, object, role, resource string }

// added is a passkey as the log says it was added: whose, and the digest of its key, empty before the log named keys.
type added struct{ person, key string }

// Replay takes the next entry; it is made for audit.Log.Replay.
func (v *evidence) Replay(e audit.Entry) error {
	if v == nil {
		return nil
	}
	digest, _ := e.Facts["evidence"].(string)
	id, _ := e.Facts["step_up"].(string)
	if digest != "" && (id == "" || confirms[e.Type] == nil) {
		v.digests[digest] = true
	}
	if e.Type == string(pim.EvCredentialAdded) && e.Result != audit.ResultRefused {
		key, _ := e.Facts["key"].(string)
		v.added[e.ObjectID] = added{e.Subject, key}
	}
	switch {
	case e.Result == audit.ResultRefused:
		return nil
	case id == "" && slices.Contains(always, e.Type):
		return fmt.Errorf("%s: it names no evidence of a passkey, and nothing else makes it", e.Type)
	case id == "" || confirms[e.Type] == nil:
		return nil
	}
	v.named[id] = true
	su, err := v.verify(id)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", e.Type, err)
	case v.added[su.CredentialID] == added{}:
		return fmt.Errorf("%s: the evidence %s is by a passkey that nobody had added", e.Type, id)
	case digest != "" && su.Digest() != digest:
		return fmt.Errorf("%s: the evidence %s is not the one that was logged", e.Type, id)
	case su.PrincipalID != e.Actor || !v.covers(su, e):
		return fmt.Errorf("%s: the evidence %s is for something else, or stood for the same before", e.Type, id)
	}
	v.confirmed++
	return nil
}

// covers reports whether what was signed is what the entry says, and said so no more often than it was signed: who
// can add entries without the key cannot touch a passkey (T9, T20).
func (v *evidence) covers(su store.Evidence, e audit.Entry) bool {
	var signed struct {
		Items []pim.StepUpItem `json:"items"`
	}
	if err := json.Unmarshal(su.Canonical, &signed); err != nil {
		return false
	}
	object, duration := e.ObjectID, int64(-1)
	switch e.Type {
	case string(pim.EvActRequested):
		object, _ = e.Facts["assignment"].(string)
		duration, _ = e.Facts["duration_s"].(int64)
	case string(pim.EvExtRequested):
		object = e.Correlation
	}
	n := 0
	for _, i := range signed.Items {
		if i.Object == object && i.RoleID == e.RoleID && i.ResourceID == e.ResourceID && slices.Contains(confirms[e.Type], i.Action) &&
			(duration < 0 || i.Duration == duration) {
			n++
		}
	}
	u := use{string(stepup.Challenge(su.Random, su.Canonical)), e.Type, object, e.RoleID, e.ResourceID}
	v.used[u]++
	return v.used[u] <= n
}

// verify verifies one piece of kept evidence from its raw parts.
func (v *evidence) verify(id string) (store.Evidence, error) {
	su, err := v.kept.Evidence(id)
	if err != nil {
		return su, fmt.Errorf("the evidence %s of the passkey is missing or cannot be read", id)
	}
	if su.Owner != su.PrincipalID {
		return su, fmt.Errorf("the evidence %s is of somebody else's passkey", id)
	}
	logged, there := v.added[su.CredentialID]
	if there && logged.person != su.PrincipalID {
		return su, fmt.Errorf("the evidence %s is of somebody else's passkey", id)
	}
	known := logged.key != ""
	if known && logged.key != pim.KeyDigest(su.PublicKey) {
		return su, fmt.Errorf("the evidence %s comes with another key than the passkey had when it was added", id)
	}
	var problems []error
	for _, rp := range v.parties {
		problem := stepup.VerifyEvidence(su.StepUp, su.PublicKey, rp.ID(), rp.Origin())
		if problem == nil {
			if v.good[su.Digest()] {
				return su, nil // one touch may confirm several things
			}
			v.good[su.Digest()] = true
			v.verified++
			if !known {
				v.unlogged++
			}
			if len(su.Salt) == 0 && hasCommitment(su) {
				v.erased++
			}
			return su, nil
		}
		problems = append(problems, problem)
	}
	if at := signedAt(su); !slices.ContainsFunc(v.parties, func(rp *stepup.RelyingParty) bool { return rp.Origin() == at }) {
		return su, fmt.Errorf("the evidence %s was signed at %q, which is not this Stint's address. If it was once, give it with --address", id, at)
	}
	return su, errors.Join(problems...)
}

// signedAt is the address the browser was at, as the passkey signed it.
func signedAt(su store.Evidence) string {
	var client struct {
		Origin string `json:"origin"`
	}
	_ = json.Unmarshal(su.ClientData, &client) // unreadable: no address at all
	return client.Origin
}

func hasCommitment(su store.Evidence) bool {
	var signed struct {
		Items []pim.StepUpItem `json:"items"`
	}
	return json.Unmarshal(su.Canonical, &signed) == nil && slices.ContainsFunc(signed.Items, func(i pim.StepUpItem) bool { return i.Commitment != "" })
}

// rest verifies the evidence that no entry names by its id, and finds the digests that nothing fits.
func (v *evidence) rest() (found []audit.Finding, err error) {
	bad := func(format string, args ...any) {
		found = append(found, audit.Finding{Seq: -1, Through: -1, Checkpoint: -1, What: fmt.Sprintf(format, args...)})
	}
	const page = 500
	for after := ""; ; {
		ids, err := v.kept.EvidenceIDs(after, page)
		if err != nil {
			return found, err
		}
		for _, id := range ids {
			after = id
			if v.named[id] {
				continue
			}
			su, problem := v.verify(id)
			if problem != nil {
				bad("%v", problem)
			} else if v.digests[su.Digest()] && v.added[su.CredentialID] == (added{}) {
				bad("the evidence %s is by a passkey that nobody had added", id)
			}
		}
		if len(ids) < page {
			break
		}
	}
	maps.DeleteFunc(v.digests, func(d string, _ bool) bool { return v.good[d] })
	if n := len(v.digests); n > 0 {
		bad("%d confirmations in the log have no evidence any more", n)
	}
	return found, nil
}

// tell says what was verified.
func (v *evidence) tell(out io.Writer) {
	fmt.Fprintf(out, "%d confirmations by passkey verify again, %d of them activations, approvals, denials and revocations.\n", v.verified, v.confirmed)
	source := "database"
	if _, ok := v.kept.(*evidenceFile); ok {
		source, v.erased = "file", 0 // no salt is in a file, of whatever reason
	}
	if v.unlogged > 0 {
		fmt.Fprintf(out, "%d of them are by passkeys added before the log named their keys: whose key it is rests on the %s alone.\n", v.unlogged, source)
	}
	if v.erased > 0 {
		fmt.Fprintf(out, "Of %d the reason is erased: what was signed verifies, the words cannot be compared any more.\n", v.erased)
	}
}
