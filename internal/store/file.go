package store

import "time"

// FileApply is one application of a file that changed something.
type FileApply struct {
	ID      string
	Digest  string // SHA-256 of the file, in hex
	At      time.Time
	Changes int
}

// InsertFileApply records an application.
func (tx *Tx) InsertFileApply(f FileApply) error {
	_, err := tx.exec("INSERT INTO file_applies (id, digest, applied_at, changes) VALUES ($1, $2, $3, $4)", f.ID, f.Digest, us(tx.Now), f.Changes)
	return err
}
