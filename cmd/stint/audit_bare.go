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

	"stint/internal/audit"
	"stint/internal/broker"
)

// bare verifies a log without its database, or one proof: what was hashed and signed, and what it means.
func (c *auditVerifyCmd) bare(ctx context.Context, e *environment) error {
	if text, err := c.proofText(); err != nil || text != nil {
		return errors.Join(err, c.proof(text, e.stdout))
	}
	remembered, err := c.remembered(e.stdout)
	if err != nil {
		return err
	}
	l, closing, err := c.openBare(ctx, e, c.keysOf(remembered))
	if closing != nil {
		defer func() { _ = closing() }() // only read
	}
	if err != nil {
		return err
	}
	evidence, done, err := c.evidenceBeside()
	if err != nil {
		return err
	}
	defer done()
	stories := audit.NewStories()
	l.Remembered, l.Replay = remembered, func(e audit.Entry) error { return errors.Join(stories.Replay(e), evidence.Replay(e)) }
	report, err := audit.Verify(l)
	if err == nil && report.OK() && c.Passkeys != "" {
		report.Findings, err = evidence.rest()
	}
	if err != nil {
		return fmt.Errorf("the log could not be read: %w", err)
	}
	return c.conclude(e.stdout, report, func() {
		fmt.Fprintf(e.stdout, "All %d entries of %s are good: every byte is what was signed.\n", report.Size, c.name())
		tellSigned(e.stdout, report)
		if c.Passkeys == "" {
			fmt.Fprintf(e.stdout, "What passkeys signed was not looked at: give it with --passkeys (stint audit export --passkeys writes it).\n")
		} else {
			evidence.tell(e.stdout)
		}
		fmt.Fprintf(e.stdout, "Names and reasons are in the database alone: stint audit verify looks at them there.\n")
		tellStories(e.stdout, report, stories)
	})
}

// evidenceBeside is what passkeys signed, from the file that was given; without one nothing of it is looked at.
func (c *auditVerifyCmd) evidenceBeside() (v *evidence, done func(), err error) {
	if c.Passkeys == "" {
		return nil, func() {}, nil
	}
	f, err := openEvidence(c.Passkeys)
	if err != nil {
		return nil, nil, fmt.Errorf("--passkeys: %w", err)
	}
	done = func() { _ = f.close() } // only read
	if v, err = newEvidence(f, append([]string{c.PublicURL}, c.Address...)); err != nil {
		done()
	}
	return v, done, err
}

func (c *auditVerifyCmd) name() string {
	if c.URL != "" {
		return c.URL
	}
	return c.What
}

// keysOf answers which keys verify a log of some name, and the remembered checkpoints: those that were given, or what the
// key file on this host says for every epoch up to theirs.
func (c *auditVerifyCmd) keysOf(remembered [][]byte) func(origin string) ([]string, error) {
	return func(origin string) ([]string, error) {
		if len(c.VKey) > 0 {
			return c.VKey, nil
		}
		host, epochs, err := audit.ParseOrigin(origin)
		if err != nil {
			return nil, err
		}
		for _, note := range remembered {
			if seen, err := audit.ReadCheckpoint(note); err == nil {
				if _, epoch, err := audit.ParseOrigin(seen.Origin); err == nil {
					epochs = max(epochs, epoch)
				}
			}
		}
		_, vkeys, err := keysOfEpochs(filepath.Join(c.Keys, auditKeyFile), host, min(epochs, maxEpochs))
		return vkeys, err
	}
}

// maxEpochs is more restores than anybody makes; the name of a log that is not verified yet may say anything.
const maxEpochs = 1000

// remembered is the last checkpoint that was seen, with --remember.
func (c *auditVerifyCmd) remembered(out io.Writer) ([][]byte, error) {
	if c.Remember == "" {
		return nil, nil
	}
	note, err := os.ReadFile(c.Remember)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(out, "Nothing was remembered in %s yet: what was cut off or rewritten before now cannot be noticed.\n", c.Remember)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the remembered checkpoint: %w", err)
	}
	return [][]byte{note}, nil
}

// conclude says what was found. A good log is remembered; of another one the remembered checkpoint stays.
func (c *auditVerifyCmd) conclude(out io.Writer, report audit.Report, good func()) error {
	tellFindings(out, report)
	if report.Truncated {
		fmt.Fprintln(out, "The log was TRUNCATED: entries that were signed before are gone from its end.")
	}
	if report.Rewritten {
		fmt.Fprintln(out, "The log was REWRITTEN: its entries are not those that were signed before.")
	}
	if first, bad := report.First(); bad {
		fmt.Fprintf(out, "%d entries of %s are good.\n", report.Size, c.name())
		return fmt.Errorf("the audit log is not sound. The first thing wrong: %s", first)
	}
	good()
	if c.Remember == "" || report.Latest.Note == nil {
		return nil
	}
	if err := broker.WriteOutside(c.Remember, report.Latest); err != nil {
		return err
	}
	fmt.Fprintf(out, "Remembered in %s: the checkpoint of %d entries.\n", c.Remember, report.Latest.Size)
	return nil
}

// proofText is the file when it is a proof of one entry.
func (c *auditVerifyCmd) proofText() ([]byte, error) {
	info, err := os.Stat(c.What)
	if c.URL != "" || err != nil || info.IsDir() {
		return nil, nil
	}
	f, err := os.Open(c.What)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, audit.MaxProof+1))
	if err != nil || !bytes.HasPrefix(text, []byte(audit.ProofHeader+"\n")) {
		return nil, err
	}
	return text, nil
}

func (c *auditVerifyCmd) proof(text []byte, out io.Writer) error {
	if text == nil {
		return nil
	}
	if c.Remember != "" {
		return errors.New("--remember is for a whole log: a proof shows one entry")
	}
	p, err := audit.ParseProof(text)
	if err != nil {
		return err
	}
	claimed, err := audit.ReadCheckpoint(p.Checkpoint)
	if err != nil {
		return err
	}
	vkeys, err := c.keysOf(nil)(claimed.Origin)
	if err != nil {
		return err
	}
	entry, under, err := p.Verify(nil, vkeys...)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Entry %d is in the log of %d entries that %s signed. It says:\n%s\n", entry.Seq, under.Size, under.Origin, p.Extra)
	return nil
}
