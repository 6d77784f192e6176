package pim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"
)

// StepUpLevel is how strongly a person must confirm an action.
type StepUpLevel string

const (
	StepUpNone     StepUpLevel = "none"     // only for roles that are not privileged
	StepUpPasskey  StepUpLevel = "passkey"  // a passkey with user verification, bound to the request
	StepUpAttested StepUpLevel = "attested" // one bound to a device whose make was attested
)

var stepUpLevels = []StepUpLevel{StepUpNone, StepUpPasskey, StepUpAttested} // the strictest last

func (l StepUpLevel) known() bool { return slices.Contains(stepUpLevels, l) }

// Asks reports whether a passkey is asked for at all; of a level nobody knows it is.
func (l StepUpLevel) Asks() bool { return l != StepUpNone }

// Stricter returns the stricter of two levels.
func (l StepUpLevel) Stricter(other StepUpLevel) StepUpLevel {
	n := max(slices.Index(stepUpLevels, l), slices.Index(stepUpLevels, other), 0)
	return stepUpLevels[n]
}

// StepUpAction names what one assertion may authorise.
type StepUpAction string

const (
	ActionActivate          StepUpAction = "activation.request"
	ActionStart             StepUpAction = "activation.start" // the fresh touch at a planned start
	ActionExtend            StepUpAction = "activation.extend"
	ActionApproveExtension  StepUpAction = "extension.approve"
	ActionDenyExtension     StepUpAction = "extension.deny"
	ActionApprove           StepUpAction = "activation.approve"
	ActionDeny              StepUpAction = "activation.deny"
	ActionRevoke            StepUpAction = "activation.revoke"
	ActionCancelOther       StepUpAction = "activation.cancel"
	ActionAddCredential     StepUpAction = "credential.add"
	ActionRemoveCredential  StepUpAction = "credential.remove"
	ActionConfirmAccount    StepUpAction = "account.confirm"
	ActionIssueVoucher      StepUpAction = "voucher.issue"
	ActionDisablePerson     StepUpAction = "person.disable"
	ActionEnablePerson      StepUpAction = "person.enable"
	ActionEndSessions       StepUpAction = "session.end_all"
	ActionSaveResource      StepUpAction = "resource.save"
	ActionMoveResource      StepUpAction = "resource.move"
	ActionRetireResource    StepUpAction = "resource.retire"
	ActionBringIn           StepUpAction = "resource.bring_in"
	ActionAcceptGone        StepUpAction = "grant.accept_gone"
	ActionSaveTarget        StepUpAction = "target.save"
	ActionRetireTarget      StepUpAction = "target.retire"
	ActionAssign            StepUpAction = "assignment.make"
	ActionChangeAssignment  StepUpAction = "assignment.change"
	ActionChangeAssignments StepUpAction = "assignment.change_several"
	ActionRemoveAssignment  StepUpAction = "assignment.remove"
	ActionDecideAssignment  StepUpAction = "assignment.decide"
	ActionSavePerson        StepUpAction = "person.save"
	ActionRemovePerson      StepUpAction = "person.remove"
	ActionLinkPeople        StepUpAction = "person.link"
	ActionUnlinkPerson      StepUpAction = "person.unlink"
	ActionNameAccount       StepUpAction = "account.name"
	ActionDropAccount       StepUpAction = "account.drop"
	ActionAskRecovery       StepUpAction = "recovery.request"
	ActionConfirmRecovery   StepUpAction = "recovery.confirm"
	ActionCancelRecovery    StepUpAction = "recovery.cancel"
	ActionSaveGroup         StepUpAction = "group.save"
	ActionRemoveGroup       StepUpAction = "group.remove"
	ActionSaveWorkload      StepUpAction = "workload.save"
	ActionSwitchWorkload    StepUpAction = "workload.switch" // disable or enable
	ActionRemoveWorkload    StepUpAction = "workload.remove"
	ActionAddMembers        StepUpAction = "member.add"
	ActionRemoveMember      StepUpAction = "member.remove"
	ActionSaveRole          StepUpAction = "role.save"
	ActionRetireRole        StepUpAction = "role.retire"
	ActionSaveReview        StepUpAction = "review.save"
	ActionRemoveReview      StepUpAction = "review.remove"
	ActionChangeReview      StepUpAction = "review.change" // one that runs
	ActionStopReview        StepUpAction = "review.stop"
	ActionResetReview       StepUpAction = "review.reset"
	ActionRemindReviewers   StepUpAction = "review.remind"
	ActionAddReviewers      StepUpAction = "review.add_reviewers"
	ActionDeleteReview      StepUpAction = "review.delete"
)

// StepUpItem is one thing a person confirms (DESIGN §4 invariant 4). It is fixed when the ceremony
// begins and executed exactly as stored; no field may come from the form that finishes it.
type StepUpItem struct {
	Action     StepUpAction `json:"action"`
	Object     string       `json:"object"`            // assignment, activation, credential, account or principal id
	Version    int64        `json:"version,omitempty"` // of the object when the ceremony began
	RoleID     string       `json:"role_id,omitempty"` // restated to the person
	ResourceID string       `json:"resource_id,omitempty"`
	Duration   int64        `json:"duration_s,omitempty"` // seconds
	Start      int64        `json:"start,omitempty"`      // µs since 1970 UTC; 0 means as soon as allowed
	Until      int64        `json:"until,omitempty"`      // µs since 1970 UTC: the end that an extension moves, or the new one to approve
	Proof      string       `json:"proof,omitempty"`      // the sign-in again at the provider that came before
	Commitment string       `json:"commitment,omitempty"` // salted commitment to reason and ticket (invariant 11)
}

// CanonicalItems returns the exact bytes an assertion signs for a set of items: JSON, sorted by
// action then object, fields in declaration order. The same set always gives the same bytes.
func CanonicalItems(personID string, items []StepUpItem) []byte {
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, func(a, b StepUpItem) int {
		return slices.Compare([]string{string(a.Action), a.Object, a.RoleID, a.ResourceID}, []string{string(b.Action), b.Object, b.RoleID, b.ResourceID})
	})
	b, err := json.Marshal(struct {
		V      int          `json:"v"`
		Person string       `json:"person"`
		Items  []StepUpItem `json:"items"`
	}{1, personID, sorted})
	if err != nil {
		panic("pim: step-up items hold only strings and numbers: " + err.Error())
	}
	return b
}

// StepUp is verified evidence: this credential confirmed this set of items, once. The raw parts are
// kept so that a third party can verify the signature again (NIST SP 800-53 AU-10).
type StepUp struct {
	CeremonyID     string
	PrincipalID    string
	CredentialID   string // Stint's id of the credential
	At             time.Time
	UserVerified   bool
	BackupEligible bool
	BackedUp       bool
	SignCount      uint32
	Random         []byte // mixed into the challenge: SHA-256(random ‖ SHA-256(canonical items))
	Canonical      []byte // the items as CanonicalItems wrote them
	Salt           []byte // of the commitment to the reason inside Canonical; erased with the reason
	AuthData       []byte // authenticatorData as received
	ClientData     []byte // clientDataJSON as received
	Signature      []byte
}

// Digest names the evidence in an audit leaf: SHA-256 over its raw parts, base64. Changing any part
// afterwards breaks the match.
func (s StepUp) Digest() string {
	h := sha256.New()
	for _, part := range [][]byte{s.Random, s.Canonical, s.AuthData, s.ClientData, s.Signature} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// KeyDigest names the public key in the audit leaf of the passkey that was added: SHA-256 over the COSE key, base64.
func (c Credential) KeyDigest() string { return KeyDigest(c.PublicKey) }

// KeyDigest is the SHA-256 over a COSE key, base64.
func KeyDigest(publicKey []byte) string {
	sum := sha256.Sum256(publicKey)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Credential is a passkey of one person.
type Credential struct {
	ID             string // Stint's id
	PrincipalID    string
	Name           string // chosen by the person
	RawID          []byte // WebAuthn credential id, unique over all people (WebAuthn L3 §7.1 step 26)
	PublicKey      []byte // COSE key
	AAGUID         []byte
	Attestation    string // attestation format
	AttestedBy     string // fingerprint of the root under which its make was proved; empty: it was not (see KeyRule)
	Transports     []string
	SignCount      uint32
	BackupEligible bool
	BackedUp       bool
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero: never
}
