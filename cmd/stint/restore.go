package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"stint/internal/config"
	"stint/internal/store"
)

type restoreCmd struct {
	config.Config
	From   string `arg:"" type:"existingfile" help:"Backup made by stint backup."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Run puts a backup in the place of the database and opens a new epoch: sessions, ceremonies and
// vouchers of the old one are dead, every grant is looked at again, and the log says what it lost.
func (c *restoreCmd) Run(ctx context.Context, e *environment) error {
	if err := checkBackup(ctx, c.From); err != nil {
		return err
	}
	aside, err := c.swap(e.now())
	if err != nil {
		return err
	}
	n, err := openNode(ctx, &c.Config, e, "")
	if err != nil {
		return errors.Join(err, c.undo(aside))
	}
	defer n.close()
	if err := n.reopen(ctx, c.Reason, aside); err != nil {
		return errors.Join(err, n.close(), c.undo(aside))
	}
	fmt.Fprintf(e.stdout, "Restored %s. Everybody has to sign in again; every grant is looked at again when Stint starts.\n", c.From)
	if aside != "" {
		fmt.Fprintf(e.stdout, "The database that was there is kept at %s.\n", aside)
	}
	return nil
}

// reopen begins the new epoch; openNode has already checked that the keys fit. replaced is the database that was
// there, "" when there was none.
func (n *node) reopen(ctx context.Context, reason, replaced string) error {
	id, err := readIdentity(ctx, n.store)
	if err != nil {
		return err
	}
	standing, err := n.standing(ctx)
	if err != nil {
		return err
	}
	// The same backup may come back a second time: two logs must never carry one name.
	outside, _ := n.laterOutside(id.host)
	id.epoch = max(id.epoch, outside, epochOf(ctx, replaced, id.host))
	return n.openEpoch(ctx, id, standing, reason)
}

// epochOf is the epoch of another database of this log, 0 when it cannot be read.
func epochOf(ctx context.Context, path, host string) int {
	if path == "" {
		return 0
	}
	s, err := store.Open(ctx, store.Options{Path: path, ReadOnly: true})
	if err != nil {
		return 0
	}
	defer s.Close()
	id, err := readIdentity(ctx, s)
	if err != nil || id.host != host {
		return 0
	}
	return id.epoch
}

func checkBackup(ctx context.Context, path string) error {
	s, err := store.Open(ctx, store.Options{Path: path, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%s is not a backup this Stint can restore: %w", path, err)
	}
	defer s.Close()
	if problem, err := s.Integrity(ctx); err != nil || problem != "" {
		return fmt.Errorf("%s is damaged (%s%v); use another backup", path, problem, err)
	}
	return nil
}

// swap moves the database aside and copies the backup to its place.
func (c *restoreCmd) swap(now time.Time) (aside string, err error) {
	free, err := store.Free(c.Database())
	if err != nil {
		return "", err
	}
	defer free()
	if _, err := os.Stat(c.Database()); err == nil {
		aside = c.Database() + ".replaced-" + now.UTC().Format("20060102T150405Z")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(c.Database()+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	if err := copyFile(c.From, c.Database()); err != nil {
		return aside, errors.Join(err, c.undo(aside))
	}
	return aside, nil
}

func (c *restoreCmd) undo(aside string) error {
	if aside == "" {
		return nil
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(c.Database() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(aside+suffix, c.Database()+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(aside, c.Database())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return errors.Join(out.Sync(), out.Close())
}
