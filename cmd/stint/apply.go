package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/control"
	"stint/internal/orgfile"
	"stint/internal/store"
)

type applyCmd struct {
	config.Config
	File   string        `arg:"" help:"The file (YAML); - reads standard input."`
	DryRun bool          `help:"Print what would happen, line by line, and change nothing."`
	Wait   time.Duration `default:"10s" help:"How long to look up new names at the targets, to tell which were not found."`
	Reseal bool          `help:"Seal the credentials of all targets anew, after the sealing key was lost. Stint must not be running."`
}

const opApply = "apply"

// applyRequest crosses the control socket: the command reads file and secrets, so that its user's rights and
// environment count, and the running process applies them.
type applyRequest struct {
	Name    string            `json:"name"`
	Text    []byte            `json:"text"`
	Secrets map[string]string `json:"secrets"`
	DryRun  bool              `json:"dry_run"`
	Wait    time.Duration     `json:"wait"`
}

// applyHandler is what the running process does for `stint apply`.
func applyHandler(b *broker.Broker) control.Handler {
	return func(ctx context.Context, in json.RawMessage) (any, error) {
		var r applyRequest
		if err := json.Unmarshal(in, &r); err != nil {
			return nil, err
		}
		return r.apply(ctx, b, false)
	}
}

func (r applyRequest) apply(ctx context.Context, b *broker.Broker, reseal bool) (broker.Applied, error) {
	doc, err := orgfile.Parse(r.Name, r.Text)
	if err != nil {
		return broker.Applied{}, err
	}
	if r.Secrets == nil {
		r.Secrets = map[string]string{}
	}
	return b.Apply(ctx, doc, broker.ApplyOptions{Secrets: r.Secrets, DryRun: r.DryRun, Wait: r.Wait, Reseal: reseal})
}

// Run applies a file in the running process, or here when no process holds the database.
func (c *applyCmd) Run(ctx context.Context, e *environment) error {
	request, err := c.read(e)
	if err != nil {
		return err
	}
	done, err := c.apply(ctx, e, request)
	if err != nil {
		return err
	}
	return show(e.stdout, done, c.DryRun)
}

func (c *applyCmd) read(e *environment) (r applyRequest, err error) {
	r = applyRequest{Name: c.File, DryRun: c.DryRun, Wait: c.Wait}
	in := e.stdin
	if c.File == "-" {
		r.Name = "standard input"
	} else {
		f, err := os.Open(c.File)
		if err != nil {
			return r, err
		}
		defer f.Close()
		in = f
	}
	if r.Text, err = io.ReadAll(io.LimitReader(in, orgfile.MaxSize+1)); err != nil {
		return r, err
	}
	doc, err := orgfile.Parse(r.Name, r.Text)
	if err != nil {
		return r, err
	}
	r.Secrets, err = doc.ReadSecrets(e.env)
	return r, err
}

func (c *applyCmd) apply(ctx context.Context, e *environment, r applyRequest) (done broker.Applied, err error) {
	if c.Reseal {
		if err := forgetSealingKey(ctx, &c.Config, e); err != nil {
			return done, err
		}
		return c.here(ctx, e, r)
	}
	out, err := control.Call(ctx, socket(&c.Config), opApply, r)
	if err == nil {
		return done, json.Unmarshal(out, &done)
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return done, err
	}
	none, err := nothing(ctx, &c.Config, e)
	if err != nil {
		return done, err
	}
	if c.DryRun && none {
		return c.onNothing(ctx, e, r)
	}
	return c.here(ctx, e, r)
}

// here opens the database, applies, and does at the targets what is due at once.
func (c *applyCmd) here(ctx context.Context, e *environment, r applyRequest) (done broker.Applied, err error) {
	n, err := openNode(ctx, &c.Config, e, modeOf(ctx, &c.Config, e))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if done, err = r.apply(ctx, n.broker, c.Reseal); err != nil || c.DryRun {
		return done, err
	}
	if c.Reseal {
		if err := n.broker.RecordSealingKey(ctx); err != nil {
			return done, err
		}
	}
	brief, stop := context.WithTimeout(ctx, c.Wait)
	defer stop()
	if err := n.broker.Tick(brief); err != nil && brief.Err() == nil {
		return done, err
	}
	_, err = n.broker.Checkpoint(ctx, false)
	return done, err
}

// forgetSealingKey lets the database be opened with another key than the one it was sealed with.
func forgetSealingKey(ctx context.Context, cfg *config.Config, e *environment) error {
	if err := finishSwap(cfg); err != nil {
		return err
	}
	s, err := openStore(ctx, cfg, e, modeOf(ctx, cfg, e))
	if errors.Is(err, store.ErrLocked) {
		return errors.New("a Stint is running: stop it before --reseal")
	}
	if err != nil {
		return err
	}
	if err = onlyOne(ctx, s); err == nil {
		err = broker.ForgetSealingKey(ctx, s)
	}
	return errors.Join(err, s.Close())
}

// onNothing plans for a database that does not exist yet, and leaves none behind.
func (c *applyCmd) onNothing(ctx context.Context, e *environment, r applyRequest) (broker.Applied, error) {
	dir, err := os.MkdirTemp("", "stint-dry-run-")
	if err != nil {
		return broker.Applied{}, err
	}
	elsewhere := *c
	elsewhere.Config = c.AtFile(filepath.Join(dir, "stint.db"))
	elsewhere.Data, elsewhere.Keys, elsewhere.Checkpoint = filepath.Join(dir, "data"), filepath.Join(dir, "keys"), filepath.Join(dir, "checkpoint")
	done, err := elsewhere.here(ctx, e, r)
	return done, errors.Join(err, os.RemoveAll(dir))
}

// show prints the plan, what surprises, and a summary.
func show(w io.Writer, done broker.Applied, dryRun bool) error {
	count := map[string]int{}
	out := &lines{w: w}
	for _, c := range done.Changes {
		count[c.Op]++
		out.print("%s", c)
	}
	for _, c := range done.Left {
		out.print("%s", c)
	}
	for _, text := range done.Warnings {
		out.print("warning: %s", text)
	}
	for _, m := range done.Missing {
		out.print("not found yet: %s at target/%s: %s", m.What, m.Target, trim(m.Why))
	}
	switch {
	case len(done.Changes) == 0:
		out.print("Nothing to change; %d left alone.", len(done.Left))
	case dryRun:
		out.print("Would make %d, change %d, take away %d; %d left alone. Nothing was changed: this was a dry run.", count["+"], count["~"], count["-"], len(done.Left))
	default:
		out.print("Made %d, changed %d, took away %d; %d left alone.", count["+"], count["~"], count["-"], len(done.Left))
	}
	return out.err
}

// lines prints lines until one fails.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) print(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}
