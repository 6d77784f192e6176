package stinttest

import (
	"path/filepath"

	"stint/internal/audit"
	"stint/internal/store"
)

// Sign signs the log as it stands and keeps the checkpoint, as a running Stint does every ten seconds.
func (w *World) Sign() audit.Checkpoint {
	w.Helper()
	if w.signer == nil {
		var err error
		w.signer, err = audit.OpenSigner(filepath.Join(w.TempDir(), "keys", "audit.key"), "stint.example/stint/audit", "")
		w.OK(err)
	}
	var c audit.Checkpoint
	w.Do(func(tx *store.Tx) (err error) {
		if c, err = w.signer.Sign(tx.Head()); err != nil {
			return err
		}
		if err = tx.SetMeta(store.MetaVKey, w.signer.VKey()); err != nil {
			return err
		}
		return tx.SaveCheckpoint(c)
	})
	return c
}

// LogKey is the verifier key of what Sign signed.
func (w *World) LogKey() string { return w.signer.VKey() }
