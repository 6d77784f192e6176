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
	"stint/internal/pim"
	"stint/internal/store"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Recompute the whole audit log and name the first bad entry: of the database, of an export, or of tiles."`
	Export auditExportCmd `cmd:"" help:"Write the signed log for somebody else to keep and to verify: one file, or tiles."`
	Key    auditKeyCmd    `cmd:"" help:"Print the verifier keys of the log, for auditors to note."`
}

type auditVerifyCmd struct {
	config.Config
	What     string        `arg:"" optional:"" placeholder:"WHAT" help:"A file of stint audit export, a directory of tiles, or a proof of one entry (.tlog-proof). Default: the database."`
	URL      string        `name:"url" placeholder:"URL" help:"Address of tiles instead: a mirror, or /log of a Stint."`
	Cookie   config.Secret `name:"cookie" placeholder:"file:PATH|env:NAME" help:"Where to read the Cookie header of an auditor's session, for --url."`
	Remember string        `name:"remember" placeholder:"FILE" help:"File with the last checkpoint that was seen, made and kept up to date: a log that was cut off or rewritten since is found."`
	VKey     []string      `name:"vkey" placeholder:"KEY" help:"Verifier key that signed the log, as an auditor noted it; may be repeated for earlier epochs. Default: from the signing key file, never from the database."`
	Passkeys string        `name:"passkeys" placeholder:"FILE" help:"What passkeys signed (stint audit export --passkeys), to verify beside an export or tiles."`
	Address  []string      `placeholder:"URL" help:"Address people confirmed at with a passkey before public_url was changed; may be repeated."`
}

// Run recomputes every entry, hash and checkpoint beside a running process, and changes nothing (THREATS T20).
func (c *auditVerifyCmd) Run(ctx context.Context, e *environment) error {
	switch {
	case c.What != "" && c.URL != "":
		return errors.New("name a file or directory, or an address with --url, not both")
	case c.What == "" && c.URL == "" && c.Passkeys != "":
		return errors.New("--passkeys: the database holds what passkeys signed; the file is for an export or tiles")
	case c.What != "" || c.URL != "":
		return c.bare(ctx, e)
	}
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer s.Close()
	outside, err := c.outside(e.stdout)
	if err != nil {
		return err
	}
	remembered, err := c.remembered(e.stdout)
	if err != nil {
		return err
	}
	outside = append(outside, remembered...)
	c.What = s.Name() // of which is told
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
	return c.conclude(out, report, func() { tell(out, s.Name(), report, stories, evidence) })
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
	return keysOfEpochs(filepath.Join(c.Keys, auditKeyFile), host, epoch)
}

// keysOfEpochs returns the name of the last epoch and the verifier keys of all.
func keysOfEpochs(path, host string, epochs int) (origin string, vkeys []string, err error) {
	if _, err := os.Stat(path); err != nil {
		return "", nil, fmt.Errorf("the signing key %s cannot be read (%w); run this where it is, or give the verifier key with --vkey", path, err)
	}
	for n := 1; n <= epochs; n++ {
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

func tellFindings(out io.Writer, report audit.Report) {
	for _, f := range report.Findings {
		fmt.Fprintln(out, "BAD  "+f.String())
	}
	if report.More > 0 {
		fmt.Fprintf(out, "BAD  and %d more\n", report.More)
	}
	for _, f := range report.Gaps {
		fmt.Fprintln(out, "lost by a restore  "+f.String())
	}
}

// tell says in plain words what is good.
func tell(out io.Writer, path string, report audit.Report, stories *audit.Stories, evidence *evidence) {
	fmt.Fprintf(out, "All %d entries of %s are good: every byte, column, kept text and tree hash fits.\n", report.Size, path)
	tellSigned(out, report)
	for _, field := range slices.Sorted(maps.Keys(report.Erased)) {
		fmt.Fprintf(out, "Erased: %d texts %q. Their commitments stay.\n", report.Erased[field], field)
	}
	evidence.tell(out)
	tellStories(out, report, stories)
}

func tellSigned(out io.Writer, report audit.Report) {
	if report.Checked == 0 {
		fmt.Fprintln(out, "No checkpoint was there to compare with: nothing vouches for the log yet.")
	} else {
		fmt.Fprintf(out, "%s; of the log %s signed, %s not yet.\n", pim.Plural(int64(report.Checked), "signed checkpoint agrees", "signed checkpoints agree"),
			pim.Plural(report.Signed, "entry is", "entries are"), pim.Count(report.Size-report.Signed))
	}
}

func tellStories(out io.Writer, report audit.Report, stories *audit.Stories) {
	fmt.Fprintf(out, "Every activation tells a legal story; %d are not over yet.\nRoot: %s\n", len(stories.Open()), report.Root)
}

type auditKeyCmd struct {
	config.Config
}

// Run prints the keys out of the key file; the database only says how often it was restored.
func (c *auditKeyCmd) Run(ctx context.Context, e *environment) error {
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer s.Close()
	verify := auditVerifyCmd{Config: c.Config}
	vkeys, err := store.Read(ctx, s, func(r *store.Reader) ([]string, error) {
		_, vkeys, err := verify.keys(r)
		return vkeys, err
	})
	for _, vkey := range vkeys {
		fmt.Fprintln(e.stdout, vkey)
	}
	return err
}
