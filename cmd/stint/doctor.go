package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/signin"
	"stint/internal/store"
)

type doctorCmd struct {
	config.Config
}

// finding is one thing doctor looked at.
type finding struct {
	what   string
	ok     bool
	result string // what was found, and what to do when it is not right
}

// Run looks at everything Stint rests on and says what to do. It changes nothing and may run beside the
// running process.
func (c *doctorCmd) Run(ctx context.Context, e *environment) error {
	var all []finding
	all = append(all, c.configuration(), c.keyFile(auditKeyFile), c.keyFile(sealKeyFile))
	all = append(all, c.database(ctx, e)...)
	if c.OIDCIssuer != "" { // otherwise the configuration has said so
		all = append(all, c.provider(ctx, e))
	}
	bad := 0
	for _, f := range all {
		mark := "ok  "
		if !f.ok {
			mark, bad = "BAD ", bad+1
		}
		fmt.Fprintf(e.stdout, "%s  %-14s %s\n", mark, f.what, trim(f.result))
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks need attention", bad, len(all))
	}
	return nil
}

func (c *doctorCmd) configuration() finding {
	if err := c.CompleteForServe(); err != nil {
		return finding{"configuration", false, err.Error()}
	}
	return finding{"configuration", true, "complete for `stint serve` at " + c.PublicURL}
}

func (c *doctorCmd) keyFile(name string) finding {
	path := filepath.Join(c.Keys, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return finding{name, false, path + " does not exist. It is made at the first start; if Stint ran before, put it back from its safe copy."}
	case err != nil:
		return finding{name, false, err.Error()}
	case info.Mode().Perm()&0o077 != 0:
		return finding{name, false, fmt.Sprintf("%s can be read by others (mode %04o). Run: chmod 600 %s", path, info.Mode().Perm(), path)}
	}
	return finding{name, true, path + " is there and private"}
}

func (c *doctorCmd) database(ctx context.Context, e *environment) []finding {
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return []finding{{"database", false, err.Error()}}
	}
	defer s.Close()
	all := []finding{integrity(ctx, s), c.clock(s)}
	if c.OnPostgreSQL() {
		all[0] = server(ctx, s)
	}
	id, err := readIdentity(ctx, s)
	if err != nil {
		return append(all, finding{"identity", false, err.Error()})
	}
	all = append(all, c.checkpoint(ctx, s, id))
	return append(all, c.targets(ctx, s, id, e)...)
}

func integrity(ctx context.Context, s *store.Store) finding {
	problem, err := s.Integrity(ctx)
	if err != nil || problem != "" {
		return finding{"database", false, fmt.Sprintf("damaged: %s %v. Restore the latest backup with `stint restore`.", problem, err)}
	}
	return finding{"database", true, fmt.Sprintf("%s is whole, %d audit entries", s.Name(), s.Head().Size)}
}

// server says what a commit is worth on this PostgreSQL, and who else uses the database.
func server(ctx context.Context, s *store.Store) finding {
	facts, err := s.Server(ctx)
	if err != nil {
		return finding{"database", false, err.Error()}
	}
	if facts.Loses != "" {
		return finding{"database", false, s.Name() + ": " + facts.Loses}
	}
	return finding{"database", true, fmt.Sprintf("%s answers (PostgreSQL %s), %d audit entries, %d other Stint processes use it", s.Name(), facts.Version, s.Head().Size, facts.Others)}
}

func (c *doctorCmd) clock(s *store.Store) finding {
	if why := s.Clock().Suspect(); why != "" {
		return finding{"clock", false, why}
	}
	return finding{"clock", true, "not before the last recorded instant; it reads " + time.Now().UTC().Format(time.RFC3339)}
}

func (c *doctorCmd) checkpoint(ctx context.Context, s *store.Store, id identity) finding {
	if id.vkey == "" {
		return finding{"checkpoint", true, "nothing signed yet"}
	}
	origin, err := audit.Origin(id.host, id.epoch)
	if err != nil {
		return finding{"checkpoint", false, err.Error()}
	}
	signer, err := audit.OpenSigner(filepath.Join(c.Keys, auditKeyFile), origin, id.vkey)
	if err != nil {
		return finding{"checkpoint", false, err.Error()}
	}
	st, err := standingOf(ctx, s, c.Checkpoint, signer, id)
	if err != nil {
		return finding{"checkpoint", false, err.Error()}
	}
	if st.Behind {
		st.Words += " Nothing new is granted until this is settled: put the newest database back, or accept the loss with `stint restore`."
	}
	if st.Missing {
		st.Words += " Stint writes " + c.Checkpoint + " within ten seconds of running; if it ran before, put the file back from its safe copy."
	}
	return finding{"checkpoint", !st.Behind && !st.Missing, st.Words}
}

func (c *doctorCmd) targets(ctx context.Context, s *store.Store, id identity, e *environment) []finding {
	sealer, err := broker.OpenSealer(filepath.Join(c.Keys, sealKeyFile), id.check)
	if err != nil {
		return []finding{{"targets", false, err.Error()}}
	}
	b := broker.New(broker.Config{Store: s, Log: logger(e, "error"), Sealer: sealer})
	rows, err := store.Read(ctx, s, func(r *store.Reader) ([]store.TargetRow, error) { return r.Targets() })
	if err != nil {
		return []finding{{"targets", false, err.Error()}}
	}
	var all []finding
	for _, t := range rows {
		if t.ID == "stint" {
			continue
		}
		test, err := b.Probe(ctx, t.ID)
		if err != nil {
			test.Message = err.Error()
		}
		all = append(all, finding{"target " + t.Key, test.OK, test.Message})
	}
	return append(all, beside(ctx, s)...)
}

// beside says what was held beside Stint when a restore asked for it.
func beside(ctx context.Context, s *store.Store) (all []finding) {
	lines, err := besideLines(ctx, s)
	if err != nil {
		return []finding{{"beside Stint", false, err.Error()}}
	}
	for _, l := range lines {
		all = append(all, finding{"beside Stint", l.looked, l.words})
	}
	return all
}

func (c *doctorCmd) provider(ctx context.Context, e *environment) finding {
	client, err := signInClient(&c.Config, e)
	if err != nil {
		return finding{"provider", false, err.Error()}
	}
	if err := client.Check(ctx); err != nil {
		var r signin.Refusal
		if errors.As(err, &r) {
			return finding{"provider", false, strings.TrimSpace(r.Message + " " + r.Detail)}
		}
		return finding{"provider", false, err.Error()}
	}
	return finding{"provider", true, c.OIDCIssuer + " answers"}
}
