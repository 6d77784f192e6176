package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/config"
	_ "stint/internal/connector/ldap"     // the kind "ldap"
	_ "stint/internal/connector/postgres" // the kind "postgres"
	"stint/internal/stepup"
	"stint/internal/store"
)

// node is one open Stint: the database, its keys and the operations over them.
type node struct {
	cfg    *config.Config
	log    *slog.Logger
	store  *store.Store
	broker *broker.Broker
	signer *audit.Signer
	sealer *broker.Sealer
}

// Names of the files in the keys directory.
const (
	auditKeyFile = "audit.key"
	sealKeyFile  = "seal.key"
)

func logger(e *environment, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(e.stderr, &slog.HandlerOptions{Level: l}))
}

// openNode opens the database for writing with the keys that belong to it.
func openNode(ctx context.Context, cfg *config.Config, e *environment, mode string) (*node, error) {
	n := &node{cfg: cfg, log: logger(e, cfg.LogLevel)}
	err := finishSwap(cfg)
	if err != nil {
		return nil, err
	}
	if n.store, err = openStore(ctx, cfg, e, mode); err != nil {
		return nil, err
	}
	if err := n.openKeys(ctx); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	rp, err := stepup.New(cfg.PublicURL, displayName(cfg))
	if err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	trust, err := trusted(cfg)
	if err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	rp = rp.Trusting(trust)
	n.broker = broker.New(broker.Config{Store: n.store, Log: n.log, StepUp: rp, Sealer: n.sealer, Signer: n.signer, Outside: cfg.Checkpoint, Binding: cfg.OIDCBindingClaims,
		Claims: broker.ClaimNames{Department: cfg.OIDCDepartmentClaim, Title: cfg.OIDCTitleClaim, Manager: cfg.OIDCManagerClaim, Guest: cfg.OIDCGuestClaim}, Scan: cfg.ScanEvery.Duration})
	if err := n.prepare(ctx); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	return n, nil
}

// trusted reads which makes of passkeys count as attested.
func trusted(cfg *config.Config) (stepup.Trust, error) {
	if cfg.PasskeyRoots == "" {
		return stepup.Trust{}, nil
	}
	text, err := os.ReadFile(cfg.PasskeyRoots)
	if err != nil {
		return stepup.Trust{}, fmt.Errorf("passkey_roots: %w", err)
	}
	trust, err := stepup.ReadTrust(text, cfg.PasskeyModels)
	if err != nil {
		return trust, fmt.Errorf("passkey_roots: %s: %w", cfg.PasskeyRoots, err)
	}
	return trust, nil
}

func displayName(cfg *config.Config) string {
	if cfg.Organisation != "" {
		return cfg.Organisation + " Stint"
	}
	return "Stint"
}

// identity is what the database remembers of its log and keys.
type identity struct {
	host, vkey, check string
	epoch             int
}

func readIdentity(ctx context.Context, s *store.Store) (identity, error) {
	return store.Read(ctx, s, func(r *store.Reader) (id identity, err error) {
		for name, at := range map[string]*string{store.MetaAuditHost: &id.host, store.MetaVKey: &id.vkey, store.MetaKeyCheck: &id.check} {
			if *at, err = r.Meta(name); err != nil {
				return id, err
			}
		}
		id.epoch, err = broker.Epoch(r)
		return id, err
	})
}

func (n *node) openKeys(ctx context.Context) error {
	id, err := readIdentity(ctx, n.store)
	if err != nil {
		return err
	}
	if id.host == "" {
		id.host = n.cfg.Public().Host
	}
	origin, err := audit.Origin(id.host, id.epoch)
	if err != nil {
		return err
	}
	if n.signer, err = audit.OpenSigner(filepath.Join(n.cfg.Keys, auditKeyFile), origin, id.vkey); err != nil {
		return err
	}
	n.sealer, err = broker.OpenSealer(filepath.Join(n.cfg.Keys, sealKeyFile), id.check)
	return err
}

// prepare brings a new database into being, and holds an old one against the checkpoint outside it.
func (n *node) prepare(ctx context.Context) error {
	if err := n.broker.RecordKeys(ctx, n.cfg.Public().Host); err != nil {
		return err
	}
	if err := n.broker.EnsureBuiltin(ctx); err != nil {
		return err
	}
	standing, err := n.standing(ctx)
	if err != nil {
		return err
	}
	if standing.Behind {
		n.log.Error("granting is closed", "reason", standing.Words)
		n.broker.EnterSafeMode(standing.Words + " Nothing new is granted; what is due is still taken away. Run `stint doctor` on the server.")
		return nil
	}
	if err := n.broker.OpenJournal(ctx); err != nil { // nothing is granted, but what is due is taken away
		n.log.Error("the journal of grants", "error", err)
	}
	return nil
}

// standing holds the database against the checkpoint outside it, which may be of a later epoch.
func (n *node) standing(ctx context.Context) (broker.Standing, error) {
	id, err := readIdentity(ctx, n.store)
	if err != nil {
		return broker.Standing{}, err
	}
	return standingOf(ctx, n.store, n.cfg.Checkpoint, n.signer, id)
}

// standingOf holds a database against the checkpoint outside it; of a later epoch than the database's, it
// says that the database is from before a restore (THREATS F4).
func standingOf(ctx context.Context, s *store.Store, path string, signer *audit.Signer, id identity) (broker.Standing, error) {
	later, vkey := laterOutside(path, signer, id.host)
	if later <= id.epoch {
		return broker.CompareOutside(ctx, s, path, signer.VKey())
	}
	st, err := broker.CompareOutside(ctx, s, path, signer.VKey(), vkey)
	st.Behind = true // even if it held every entry that was signed since, which it cannot
	st.Words = fmt.Sprintf("The checkpoint outside the database is of epoch %d, the database of epoch %d: it is one from before a restore.", later, id.epoch)
	return st, err
}

// laterOutside is the epoch of the checkpoint outside the database, from the second on, and the key that signed it;
// 0 when there is none of this log.
func laterOutside(path string, signer *audit.Signer, host string) (epoch int, vkey string) {
	note, err := os.ReadFile(path)
	if err != nil {
		return 0, ""
	}
	origin, _, _ := strings.Cut(string(note), "\n")
	if epoch, err = strconv.Atoi(origin[strings.LastIndex(origin, "/")+1:]); err != nil {
		return 0, ""
	}
	if named, err := audit.Origin(host, epoch); err != nil || named != origin {
		return 0, ""
	}
	then, err := signer.ForOrigin(origin)
	if err != nil {
		return 0, ""
	}
	if _, err := audit.ParseCheckpoint(note, then.VKey()); err != nil {
		return 0, ""
	}
	return epoch, then.VKey()
}

func (n *node) openEpoch(ctx context.Context, id identity, standing broker.Standing, proven []broker.Held, reason string) (broker.Reclaimed, error) {
	origin, err := audit.Origin(id.host, id.epoch+1)
	if err != nil {
		return broker.Reclaimed{}, err
	}
	next, err := n.signer.ForOrigin(origin)
	if err != nil {
		return broker.Reclaimed{}, err
	}
	n.signer = next
	return n.broker.OpenEpoch(ctx, next, id.epoch+1, standing, proven, reason)
}

func (n *node) close() error { return n.store.Close() }

// socket is where other commands reach the running process.
func socket(cfg *config.Config) string { return filepath.Join(cfg.Data, "stint.sock") }

// trim shortens a text for one line of output.
func trim(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\n", " ")) }
