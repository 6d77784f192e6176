package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/store"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Recompute the whole audit log offline and name the first bad entry."`
}

type auditVerifyCmd struct {
	config.Config
	VKey    []string `name:"vkey" placeholder:"KEY" help:"Verifier key that signed the log, as an auditor noted it; may be repeated for earlier epochs. Default: from the signing key file, never from the database."`
	Address []string `placeholder:"URL" help:"Address people confirmed at with a passkey before public_url was changed; may be repeated."`
}

// Run recomputes every entry, hash and checkpoint beside a running process, and changes nothing (THREATS T20).
func (c *auditVerifyCmd) Run(ctx context.Context, e *environment) error {
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer s.Close()
	outside, err := c.outside(e.stdout)
	if err != nil {
		return err
	}
	return c.verify(ctx, s, outside, e.stdout)
}

// outside reads the checkpoint kept outside the database. Without it a cut tail cannot be seen.
func (c *auditVerifyCmd) outside(out io.Writer) ([][]byte, error) {
	note, err := os.ReadFile(c.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) && c.Source("checkpoint") == "" {
		fmt.Fprintf(out, "There is no checkpoint outside the database at %s: entries cut off the end cannot be noticed.\n", c.Checkpoint)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint kept outside: %w", err)
	}
	return [][]byte{note}, nil
}

func (c *auditVerifyCmd) verify(ctx context.Context, s *store.Store, outside [][]byte, out io.Writer) error {
	stories := audit.NewStories()
	var evidence *evidence
	report, err := store.Read(ctx, s, func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		if l.Origin, l.VKeys, err = c.keys(r); err != nil {
			return audit.Report{}, err
		}
		if evidence, err = newEvidence(r, append([]string{c.PublicURL}, c.Address...)); err != nil {
			return audit.Report{}, err
		}
		l.Remembered, l.Replay = outside, func(e audit.Entry) error { return errors.Join(stories.Replay(e), evidence.Replay(e)) }
		report, err := audit.Verify(l)
		if err != nil || !report.OK() { // after a bad entry neither is whole
			return report, err
		}
		open, err := unsettled(r, stories)
		if err != nil {
			return report, err
		}
		unnamed, err := evidence.rest()
		report.Findings = append(open, unnamed...)
		return report, err
	})
	if err != nil {
		return fmt.Errorf("the log could not be read: %w", err)
	}
	tell(out, s.Name(), report, stories, evidence)
	if first, bad := report.First(); bad {
		return fmt.Errorf("the audit log is not sound. The first thing wrong: %s", first)
	}
	return nil
}

// unsettled lists activations that ended and that nobody cleans up after.
func unsettled(r *store.Reader, stories *audit.Stories) (found []audit.Finding, err error) {
	found = stories.Unsettled(func(id string) bool {
		a, readErr := r.Activation(id)
		if readErr != nil && !errors.Is(readErr, store.ErrNotFound) {
			err = readErr
		}
		return readErr == nil && a.Ending()
	})
	return found, err
}

// keys returns the log's name and the keys it is verified with: what the auditor gave, or what the key
// file on this host says for every epoch. The database only says how often it was restored.
func (c *auditVerifyCmd) keys(r *store.Reader) (origin string, vkeys []string, err error) {
	host, err := r.Meta(store.MetaAuditHost)
	if err != nil {
		return "", nil, err
	}
	epoch, err := broker.Epoch(r)
	if err != nil {
		return "", nil, fmt.Errorf("the epoch the database records is damaged: %w", err)
	}
	if len(c.VKey) > 0 {
		origin, _, _ = strings.Cut(c.VKey[len(c.VKey)-1], "+")
		return origin, c.VKey, nil
	}
	if host == "" {
		host = c.Public().Host
	}
	path := filepath.Join(c.Keys, auditKeyFile)
	if _, err := os.Stat(path); err != nil {
		return "", nil, fmt.Errorf("the signing key %s cannot be read (%w); run this where it is, or give the verifier key with --vkey", path, err)
	}
	for n := 1; n <= epoch; n++ {
		if origin, err = audit.Origin(host, n); err != nil {
			return "", nil, err
		}
		signer, err := audit.OpenSigner(path, origin, "")
		if err != nil {
			return "", nil, err
		}
		vkeys = append(vkeys, signer.VKey())
	}
	return origin, vkeys, nil
}

// tell says in plain words what was found.
func tell(out io.Writer, path string, report audit.Report, stories *audit.Stories, evidence *evidence) {
	for _, f := range report.Findings {
		fmt.Fprintln(out, "BAD  "+f.String())
	}
	if report.More > 0 {
		fmt.Fprintf(out, "BAD  and %d more\n", report.More)
	}
	for _, f := range report.Gaps {
		fmt.Fprintln(out, "lost by a restore  "+f.String())
	}
	if !report.OK() {
		fmt.Fprintf(out, "%d entries of %s are good.\n", report.Size, path)
		return
	}
	fmt.Fprintf(out, "All %d entries of %s are good: every byte, column, kept text and tree hash fits.\n", report.Size, path)
	if report.Checked == 0 {
		fmt.Fprintln(out, "No checkpoint was there to compare with: nothing vouches for the log yet.")
	} else {
		fmt.Fprintf(out, "%d signed checkpoints agree; they cover %d entries, %d are not signed yet.\n", report.Checked, report.Signed, report.Size-report.Signed)
	}
	for _, field := range slices.Sorted(maps.Keys(report.Erased)) {
		fmt.Fprintf(out, "Erased: %d texts %q. Their commitments stay.\n", report.Erased[field], field)
	}
	evidence.tell(out)
	fmt.Fprintf(out, "Every activation tells a legal story; %d are not over yet.\nRoot: %s\n", len(stories.Open()), report.Root)
}
