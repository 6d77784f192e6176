package store

import (
	"time"

	"stint/internal/pim"
)

const credentialCols = `c.id, c.principal_id, c.name, c.raw_id, c.public_key, c.aaguid, c.attestation, c.transports, c.sign_count, c.backup_eligible,
	c.backed_up, c.created_at, c.last_used_at, c.attested_by`

func scanCredential(r row) (c pim.Credential, err error) {
	err = r.Scan(&c.ID, &c.PrincipalID, &c.Name, b64(&c.RawID), b64(&c.PublicKey), b64(&c.AAGUID), &c.Attestation, asJSON(&c.Transports), &c.SignCount,
		&c.BackupEligible, &c.BackedUp, at(&c.CreatedAt), at(&c.LastUsedAt), &c.AttestedBy)
	return c, err
}

// Credential returns a passkey that was not removed.
func (r *Reader) Credential(id string) (pim.Credential, error) {
	return one(r, scanCredential, "SELECT "+credentialCols+" FROM credentials c WHERE c.id = $1 AND c.removed_at = 0", id)
}

// CredentialsOf lists a person's passkeys.
func (r *Reader) CredentialsOf(principalID string) ([]pim.Credential, error) {
	return many(r, scanCredential, "SELECT "+credentialCols+" FROM credentials c WHERE c.principal_id = $1 AND c.removed_at = 0 ORDER BY c.created_at, c.id", principalID)
}

// EverHadCredential reports whether a person has or had a passkey.
func (r *Reader) EverHadCredential(principalID string) (bool, error) {
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM credentials WHERE principal_id = $1", principalID)
	return n > 0, err
}

// InsertCredential adds a passkey; a credential id already known, to anybody, fails (WebAuthn L3 §7.1 step 26).
func (tx *Tx) InsertCredential(c pim.Credential) error {
	_, err := tx.exec(`INSERT INTO credentials (id, principal_id, name, raw_id, public_key, aaguid, attestation, transports, sign_count, backup_eligible, backed_up, created_at, attested_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, c.ID, c.PrincipalID, c.Name, to64(c.RawID), to64(c.PublicKey), to64(c.AAGUID), c.Attestation,
		toJSON(c.Transports), int64(c.SignCount), num(c.BackupEligible), num(c.BackedUp), us(tx.Now), c.AttestedBy)
	return err
}

// RenameCredential changes the name a person gave.
func (tx *Tx) RenameCredential(id, name string) error {
	return tx.must("UPDATE credentials SET name = $1 WHERE id = $2 AND removed_at = 0", name, id)
}

// UsedCredential records counter, backup state and time of a verified use.
func (tx *Tx) UsedCredential(s pim.StepUp) error {
	return tx.must("UPDATE credentials SET sign_count = $1, backed_up = $2, last_used_at = $3 WHERE id = $4 AND removed_at = 0 AND sign_count <= $1",
		int64(s.SignCount), num(s.BackedUp), us(s.At), s.CredentialID)
}

// RemoveCredential marks a passkey removed.
func (tx *Tx) RemoveCredential(id string) error {
	return tx.must("UPDATE credentials SET removed_at = $1 WHERE id = $2 AND removed_at = 0", us(tx.Now), id)
}

// InsertStepUp keeps the evidence of a verified assertion.
func (tx *Tx) InsertStepUp(s pim.StepUp) error {
	_, err := tx.exec(`INSERT INTO step_ups (id, principal_id, credential_id, at, random, canonical, salt, auth_data, client_data, signature, sign_count, user_verified, backed_up)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, s.CeremonyID, s.PrincipalID, s.CredentialID, us(s.At), to64(s.Random), to64(s.Canonical), to64(s.Salt),
		to64(s.AuthData), to64(s.ClientData), to64(s.Signature), int64(s.SignCount), num(s.UserVerified), num(s.BackedUp))
	return err
}

// Evidence is a verified assertion as it is kept, with the public key it verifies with.
type Evidence struct {
	pim.StepUp
	PublicKey []byte
	Owner     string // principal id the passkey belongs to
}

const evidenceCols = `u.id, u.principal_id, u.credential_id, u.at, u.random, u.canonical, u.salt, u.auth_data, u.client_data, u.signature, u.sign_count, u.user_verified,
	c.backup_eligible, u.backed_up, c.public_key, c.principal_id`

func scanEvidence(r row) (e Evidence, err error) {
	err = r.Scan(&e.CeremonyID, &e.PrincipalID, &e.CredentialID, at(&e.At), b64(&e.Random), b64(&e.Canonical), b64(&e.Salt), b64(&e.AuthData), b64(&e.ClientData),
		b64(&e.Signature), &e.SignCount, &e.UserVerified, &e.BackupEligible, &e.BackedUp, b64(&e.PublicKey), &e.Owner)
	return e, err
}

// StepUp returns stored evidence and the public key it verifies with.
func (r *Reader) StepUp(id string) (s pim.StepUp, publicKey []byte, err error) {
	e, err := r.Evidence(id)
	return e.StepUp, e.PublicKey, err
}

// Evidence returns one piece of stored evidence.
func (r *Reader) Evidence(id string) (Evidence, error) {
	return one(r, scanEvidence, "SELECT "+evidenceCols+" FROM step_ups u JOIN credentials c ON c.id = u.credential_id WHERE u.id = $1", id)
}

// EvidenceIDs lists the ids of all stored evidence after one, in order.
func (r *Reader) EvidenceIDs(after string, limit int) ([]string, error) {
	return many(r, scanString, "SELECT id FROM step_ups WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
}

// Ceremony is a WebAuthn ceremony that was begun and not yet finished.
type Ceremony struct {
	ID          string
	Kind        string // "create" or "get"
	PrincipalID string
	SessionID   string
	Purpose     string // the action of its first item
	Payload     []byte // what is executed when it succeeds, as the broker stored it
	Ceremony    []byte // stepup's own data
	Back        string // where to return to
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

func scanCeremony(r row) (c Ceremony, err error) {
	return c, r.Scan(&c.ID, &c.Kind, &c.PrincipalID, &c.SessionID, &c.Purpose, b64(&c.Payload), b64(&c.Ceremony), &c.Back, at(&c.CreatedAt), at(&c.ExpiresAt))
}

// Ceremony returns a ceremony that waits.
func (r *Reader) Ceremony(id string) (Ceremony, error) {
	return one(r, scanCeremony, "SELECT id, kind, principal_id, session_id, purpose, payload, ceremony, back, created_at, expires_at FROM ceremonies WHERE id = $1 AND expires_at > $2", id, us(r.Now))
}

// maxCeremonies is how many ceremonies of one session wait at most, so that one person cannot fill the database.
const maxCeremonies = 20

// InsertCeremony begins a ceremony and forgets expired ones and, beyond the newest 20, the session's older ones.
func (tx *Tx) InsertCeremony(c Ceremony) error {
	if _, err := tx.exec("DELETE FROM ceremonies WHERE expires_at <= $1", us(tx.Now)); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM ceremonies WHERE session_id = $1 AND principal_id = $2 AND id NOT IN (SELECT id FROM ceremonies
		WHERE session_id = $1 AND principal_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3)`, c.SessionID, c.PrincipalID, maxCeremonies-1); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO ceremonies (id, kind, principal_id, session_id, purpose, payload, ceremony, back, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, c.ID, c.Kind, c.PrincipalID, c.SessionID, c.Purpose, to64(c.Payload), to64(c.Ceremony), c.Back, us(tx.Now), us(c.ExpiresAt))
	return err
}

// CeremoniesOf lists the ceremonies that wait in a session.
func (r *Reader) CeremoniesOf(sessionID string) ([]Ceremony, error) {
	return many(r, scanCeremony, "SELECT id, kind, principal_id, session_id, purpose, payload, ceremony, back, created_at, expires_at FROM ceremonies WHERE session_id = $1 ORDER BY id", sessionID)
}

// MoveCeremony binds a waiting ceremony to the new id of its session.
func (tx *Tx) MoveCeremony(id, sessionID string, ceremony []byte) error {
	return tx.must("UPDATE ceremonies SET session_id = $1, ceremony = $2 WHERE id = $3", sessionID, to64(ceremony), id)
}

// TakeCeremony consumes a ceremony: whoever gets the row is the only one (THREATS T9).
func (tx *Tx) TakeCeremony(id, principalID, sessionID string) (Ceremony, error) {
	return one(tx.Reader, scanCeremony, `DELETE FROM ceremonies WHERE id = $1 AND principal_id = $2 AND session_id = $3
		RETURNING id, kind, principal_id, session_id, purpose, payload, ceremony, back, created_at, expires_at`, id, principalID, sessionID)
}

// Voucher is a one-time secret, kept as a hash: "passkey" enrols a first passkey, "admin" makes the
// first administrator.
type Voucher struct {
	ID        string
	Kind      string
	Hash      string
	PersonID  string // principal id; empty for an admin link
	IssuedBy  string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InsertVoucher adds a voucher; an older unused one of the same kind and person dies.
func (tx *Tx) InsertVoucher(v Voucher) error {
	if _, err := tx.exec("UPDATE vouchers SET used_at = $1 WHERE kind = $2 AND person_id = $3 AND used_at = 0", us(tx.Now), v.Kind, v.PersonID); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO vouchers (id, kind, hash, person_id, issued_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		v.ID, v.Kind, v.Hash, v.PersonID, v.IssuedBy, us(tx.Now), us(v.ExpiresAt))
	return err
}

// TakeVoucher uses a voucher up; ErrNotFound when it is unknown, used, expired or somebody else's.
func (tx *Tx) TakeVoucher(kind, hash, personID string) (Voucher, error) {
	return one(tx.Reader, func(r row) (v Voucher, err error) {
		return v, r.Scan(&v.ID, &v.Kind, &v.Hash, &v.PersonID, &v.IssuedBy, at(&v.CreatedAt), at(&v.ExpiresAt))
	}, `UPDATE vouchers SET used_at = $1 WHERE kind = $2 AND hash = $3 AND person_id = $4 AND used_at = 0 AND expires_at > $1
		RETURNING id, kind, hash, person_id, issued_by, created_at, expires_at`, us(tx.Now), kind, hash, personID)
}
