package store

import "stint/internal/pim"

// InsertProof keeps that somebody signed in again at the provider.
func (tx *Tx) InsertProof(p pim.SignInProof) error {
	_, err := tx.exec("INSERT INTO sign_in_proofs (id, principal_id, context, signed_in_at, at, token) VALUES ($1, $2, $3, $4, $5, $6)",
		p.ID, p.PrincipalID, p.Context, us(p.SignedInAt), us(p.At), p.Token)
	return err
}

// Proof returns one.
func (r *Reader) Proof(id string) (pim.SignInProof, error) {
	return one(r, func(r row) (p pim.SignInProof, err error) {
		return p, r.Scan(&p.ID, &p.PrincipalID, &p.Context, at(&p.SignedInAt), at(&p.At), &p.Token)
	}, "SELECT id, principal_id, context, signed_in_at, at, token FROM sign_in_proofs WHERE id = $1", id)
}
