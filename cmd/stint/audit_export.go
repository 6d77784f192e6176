package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/config"
	"stint/internal/pim"
	"stint/internal/store"
)

type auditExportCmd struct {
	config.Config
	To       string `arg:"" optional:"" placeholder:"FILE" help:"File for the whole signed log, one line an entry: the bytes that are hashed, without names and reasons. A dash is standard output."`
	Passkeys string `name:"passkeys" placeholder:"FILE" help:"File for what passkeys signed, beside the log: with it every confirmation is verified again without the database."`
	Tiles    string `name:"tiles" placeholder:"DIR" help:"Directory for the log as tiles (C2SP tlog-tiles) instead; later runs add what is new, and refuse a log that does not continue what is there."`
}

// Run writes the log up to its last checkpoint, read beside a running process.
func (c *auditExportCmd) Run(ctx context.Context, e *environment) (err error) {
	if (c.To == "") == (c.Tiles == "") {
		return errors.New("name a FILE, or a directory with --tiles")
	}
	if c.Passkeys == "-" {
		return errors.New("--passkeys: name a file")
	}
	if c.To != "" && filepath.Clean(c.To) == filepath.Clean(c.Passkeys) {
		return errors.New("--passkeys: name another file than that of the log")
	}
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	said, err := store.Read(ctx, s, func(r *store.Reader) (string, error) {
		last, err := lastSigned(r)
		if err == nil && c.Passkeys != "" {
			err = c.exportPasskeys(r, e.stdout)
		}
		switch {
		case err != nil:
			return "", err
		case c.Tiles != "":
			return exportTiles(r, last, c.Tiles)
		case c.To == "-":
			return "", exportLines(r, last, e.stdout)
		}
		return exportFile(r, last, c.To)
	})
	if err == nil && said != "" {
		fmt.Fprintln(e.stdout, said)
	}
	return err
}

func lastSigned(r *store.Reader) (audit.Checkpoint, error) {
	kept, err := r.LastCheckpoint()
	if errors.Is(err, store.ErrNotFound) {
		return audit.Checkpoint{}, errors.New("nothing is signed yet: a running Stint signs its log within ten seconds")
	}
	if err != nil {
		return audit.Checkpoint{}, err
	}
	c, err := audit.ReadCheckpoint([]byte(kept.Note))
	if err != nil || c.Size != kept.Size {
		err = errors.Join(err, errors.New("the last checkpoint in the database is damaged; run stint audit verify"))
	}
	return c, err
}

func exportLines(r *store.Reader, last audit.Checkpoint, w io.Writer) error {
	return audit.WriteExport(w, last.Origin, last.Size, r.Leaves(0, last.Size), r.KeptCheckpoints())
}

func exportFile(r *store.Reader, last audit.Checkpoint, path string) (string, error) {
	if err := writeWhole(path, func(f io.Writer) error { return exportLines(r, last, f) }); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries of %s are in %s.", last.Size, last.Origin, path), nil
}

func (c *auditExportCmd) exportPasskeys(r *store.Reader, out io.Writer) error {
	var n int
	err := writeWhole(c.Passkeys, func(f io.Writer) (err error) { n, err = exportPasskeys(r, f); return err })
	if err != nil || c.To == "-" {
		return err
	}
	_, err = fmt.Fprintf(out, "%s in %s.\n", pim.Plural(int64(n), "confirmation by passkey is", "confirmations by passkeys are"), c.Passkeys)
	return err
}

// writeWhole writes a file of its own first: half a file is none.
func writeWhole(path string, write func(io.Writer) error) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// exportTiles adds what is new to a mirror. Its checkpoint comes last: before it, the old one still fits what is there.
func exportTiles(r *store.Reader, last audit.Checkpoint, dir string) (string, error) {
	old, err := mirrored(r, last, dir)
	if err != nil {
		return "", err
	}
	for t := range audit.Tiles(last.Size) {
		if t.In(old.Size) {
			continue
		}
		b, err := r.Tile(t)
		if err != nil {
			return "", err
		}
		if err := putTile(dir, t.Path(), b); err != nil {
			return "", err
		}
	}
	if err := putTile(dir, audit.CheckpointPath, last.Note); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries of %s are in %s, %d of them new.", last.Size, last.Origin, dir, last.Size-old.Size), nil
}

// mirrored is what a mirror holds already; it must be the beginning of this log (T20).
func mirrored(r *store.Reader, last audit.Checkpoint, dir string) (audit.Checkpoint, error) {
	note, err := os.ReadFile(filepath.Join(dir, audit.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Checkpoint{}, nil
	}
	if err != nil {
		return audit.Checkpoint{}, err
	}
	old, err := audit.ReadCheckpoint(note)
	if err != nil {
		return old, fmt.Errorf("the mirror's %w; remove it to begin anew", err)
	}
	if old.Size > last.Size {
		return old, fmt.Errorf("the log was truncated: %s holds %d signed entries, the database %d. The mirror stays as it is", dir, old.Size, last.Size)
	}
	root, err := tlog.TreeHash(old.Size, r.HashReader())
	if err != nil || root != old.Root {
		return old, errors.Join(err, fmt.Errorf("the log was rewritten: its first %d entries are not those in %s. The mirror stays as it is", old.Size, dir))
	}
	return old, nil
}

// putTile writes a file of a mirror in one step, for others to read: it holds ids alone.
func putTile(dir, path string, b []byte) error {
	to := filepath.Join(dir, filepath.FromSlash(path))
	if have, err := os.ReadFile(to); err == nil && bytes.Equal(have, b) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", b, 0o640); err != nil { // #nosec G306 -- a web server of the same group may serve it
		return err
	}
	return os.Rename(to+".new", to)
}
