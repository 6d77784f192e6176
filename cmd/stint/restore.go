package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/store"
)

type restoreCmd struct {
	config.Config
	From   string `arg:"" optional:"" type:"existingfile" help:"Backup made by stint backup. None on PostgreSQL, where its own programs have put the database back."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Run puts a backup in the place of the database and opens a new epoch: sessions, ceremonies and
// vouchers of the old one are dead, every grant is looked at again, and the log says what it lost.
// The epoch is opened in a copy beside the database, which is untouched until the copy is whole.
func (c *restoreCmd) Run(ctx context.Context, e *environment) error {
	if c.OnPostgreSQL() {
		return c.opened(ctx, e)
	}
	if c.From == "" {
		return errors.New("name the backup to restore: a file made by stint backup")
	}
	if err := checkBackup(ctx, c.From); err != nil {
		return err
	}
	free, err := store.Free(c.DatabaseFile())
	if err != nil {
		return err
	}
	defer free()
	swap := swapOf(&c.Config)
	if err := swap.finish(); err != nil {
		return err
	}
	aside := ""
	if _, err := os.Stat(c.DatabaseFile()); err == nil {
		aside = filepath.Base(c.DatabaseFile()) + ".replaced-" + e.now().UTC().Format("20060102T150405Z")
	}
	report, err := c.stage(ctx, e, swap, aside)
	if err != nil {
		return errors.Join(err, os.RemoveAll(swap.staged))
	}
	if err := errors.Join(swap.commit(), swap.finish()); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "Restored %s. Everybody has to sign in again; every grant is looked at again when Stint starts.\n", c.From)
	if aside != "" {
		fmt.Fprintf(e.stdout, "The database that was there is kept at %s.\n", filepath.Join(filepath.Dir(c.DatabaseFile()), aside))
	}
	for _, line := range report {
		fmt.Fprintln(e.stdout, line)
	}
	return nil
}

// opened opens the new epoch in a database that PostgreSQL's own programs have put back.
func (c *restoreCmd) opened(ctx context.Context, e *environment) error {
	if c.From != "" {
		return errors.New("a database on PostgreSQL is put back with pg_restore or from its archive, see docs/nodes.md; then run stint restore without a file, which opens the new epoch")
	}
	none, err := nothing(ctx, &c.Config, e)
	if err == nil && none {
		err = noDatabase(&c.Config)
	}
	if err != nil {
		return err
	}
	n, err := openNode(ctx, &c.Config, e, "")
	if err != nil {
		return err
	}
	var report []string
	if err = onlyOne(ctx, n.store); err == nil {
		report, err = n.reopen(ctx, c)
	}
	if err = errors.Join(err, n.close()); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "A new epoch is open. Everybody has to sign in again; every grant is looked at again when Stint starts.")
	for _, line := range report {
		fmt.Fprintln(e.stdout, line)
	}
	return nil
}

// stage makes the database that shall be, with its epoch open and its checkpoint, beside the one that is. It
// reports what the targets hold that the backup knows nothing of.
func (c *restoreCmd) stage(ctx context.Context, e *environment, swap swap, aside string) ([]string, error) {
	staged := c.AtFile(filepath.Join(swap.staged, filepath.Base(c.DatabaseFile())))
	staged.Data, staged.Checkpoint = swap.staged, filepath.Join(swap.staged, swapCheckpoint)
	if err := errors.Join(os.RemoveAll(swap.staged), os.Mkdir(swap.staged, 0o700)); err != nil {
		return nil, err
	}
	if err := copyFile(c.From, staged.DatabaseFile()); err != nil {
		return nil, err
	}
	// The epoch is opened against the checkpoint that is, and signs beside it.
	if err := copyFile(c.Checkpoint, staged.Checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(swap.staged, swapAside), []byte(aside), 0o600); err != nil {
		return nil, err
	}
	n, err := openNode(ctx, &staged, e, "")
	if err != nil {
		return nil, err
	}
	report, err := n.reopen(ctx, c)
	return report, errors.Join(err, n.close(), syncDir(swap.staged))
}

// reopen begins the new epoch; openNode has already checked that the keys fit. The journal of grants that lies
// beside the checkpoint proves what was Stint's; it is only read, for the restore may still be given up.
func (n *node) reopen(ctx context.Context, c *restoreCmd) (report []string, err error) {
	id, err := readIdentity(ctx, n.store)
	if err != nil {
		return nil, err
	}
	standing, err := n.standing(ctx)
	if err != nil {
		return nil, err
	}
	proven, words := broker.ReadProven(broker.JournalPath(c.Checkpoint), n.signer, id.host, id.epoch)
	if words != "" {
		report = append(report, words)
	}
	// The same backup may come back a second time: two logs must never carry one name.
	outside, _ := laterOutside(n.cfg.Checkpoint, n.signer, id.host)
	id.epoch = max(id.epoch, outside)
	if !c.OnPostgreSQL() {
		id.epoch = max(id.epoch, epochOf(ctx, c.DatabaseFile(), id.host))
	}
	back, err := n.openEpoch(ctx, id, standing, proven, c.Reason)
	if err != nil {
		return nil, err
	}
	report = append(report, tellReclaimed(back)...)
	beside, err := n.lookBeside(ctx)
	return append(report, beside...), err
}

func tellReclaimed(back broker.Reclaimed) (lines []string) {
	if back.Grants > 0 {
		lines = append(lines, fmt.Sprintf("Given by Stint and unwanted in the backup, by the journal of grants: %d. They are taken away and read back when Stint starts.", back.Grants))
	}
	for _, h := range back.Unreachable {
		lines = append(lines, fmt.Sprintf("Take away by hand: account %s holds %s at target %s, which the backup does not know.", h.Account, h.Entitlement, h.Target))
	}
	return lines
}

// besideWait bounds how long a restore waits for the targets.
const besideWait = 30 * time.Second

// lookBeside asks every target who holds what Stint manages, and says what nothing accounts for. A target that
// does not answer is asked again when Stint runs.
func (n *node) lookBeside(ctx context.Context) ([]string, error) {
	asking, stop := context.WithTimeout(ctx, besideWait)
	defer stop()
	unasked, err := n.broker.ScanDue(asking)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	lines, err := besideLines(ctx, n.store)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range lines {
		if l.held > 0 {
			out = append(out, l.words)
		}
	}
	if unasked > 0 {
		out = append(out, fmt.Sprintf("%d targets could not be asked who holds what beside Stint. They are asked again while Stint runs; see `stint doctor`.", unasked))
	}
	return out, nil
}

// epochOf is the epoch of another database of this log, 0 when it cannot be read.
func epochOf(ctx context.Context, path, host string) int {
	if _, err := os.Stat(path); err != nil {
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
