package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"stint/internal/config"
	"stint/internal/store"
)

// swap puts a whole database in the place of another so that a crash leaves the one or the other: the new one is made
// in the directory staged; renaming that to committed decides; what is left to do then is done by whoever comes next.
type swap struct {
	cfg       *config.Config
	dir       string // of the database
	staged    string
	committed string
}

// Names of the files in the directory of a swap, beside the database.
const (
	swapCheckpoint = "checkpoint" // to be put outside the database
	swapAside      = "aside"      // holds the name that the database that was there gets
)

func swapOf(cfg *config.Config) swap {
	return swap{cfg: cfg, dir: filepath.Dir(cfg.DatabaseFile()), staged: cfg.DatabaseFile() + ".restoring", committed: cfg.DatabaseFile() + ".restored"}
}

// finishSwap ends a restore that was cut off after it was decided. It takes the database's lock only when there is one.
func finishSwap(cfg *config.Config) error {
	if cfg.OnPostgreSQL() {
		return nil
	}
	s := swapOf(cfg)
	if _, err := os.Stat(s.committed); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	free, err := store.Free(cfg.DatabaseFile())
	if err != nil {
		return err
	}
	return errors.Join(s.finish(), free())
}

// commit decides: from here on the staged database is the one. It must be closed, with nothing left beside it.
func (s swap) commit() error {
	if info, err := os.Stat(filepath.Join(s.staged, filepath.Base(s.cfg.DatabaseFile())+"-wal")); err == nil && info.Size() > 0 {
		return errors.New("the restored database was not closed whole; nothing was changed. Try again")
	}
	if err := os.Rename(s.staged, s.committed); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// finish does what a decided swap still asks for; each step may have been done before. The caller holds the lock.
func (s swap) finish() error {
	if _, err := os.Stat(s.committed); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	database := s.cfg.DatabaseFile()
	made := filepath.Join(s.committed, filepath.Base(database))
	if _, err := os.Stat(made); err == nil {
		if err := s.moveAside(); err != nil {
			return err
		}
		if err := errors.Join(os.Rename(made, database), syncDir(s.dir)); err != nil {
			return err
		}
	}
	if err := s.putCheckpoint(); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.committed), syncDir(s.dir))
}

// moveAside moves the database that was there, its log first: beside another database it would be applied to that.
func (s swap) moveAside() error {
	aside, err := os.ReadFile(filepath.Join(s.committed, swapAside))
	if err != nil || len(aside) == 0 {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(s.cfg.DatabaseFile()+suffix, filepath.Join(s.dir, string(aside)+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s swap) putCheckpoint() error {
	from := filepath.Join(s.committed, swapCheckpoint)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) || s.cfg.Checkpoint == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.cfg.Checkpoint), 0o700); err != nil {
		return err
	}
	next := s.cfg.Checkpoint + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(from, next); err != nil {
		return err
	}
	return errors.Join(os.Rename(next, s.cfg.Checkpoint), syncDir(filepath.Dir(s.cfg.Checkpoint)))
}

// syncDir makes the renames in a directory last through a power cut.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
