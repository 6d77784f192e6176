package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"stint/internal/config"
	"stint/internal/store"
)

// databaseOf says how to open the configured database.
func databaseOf(cfg *config.Config, e *environment) (o store.Options, err error) {
	if !cfg.OnPostgreSQL() {
		return store.Options{Path: cfg.DatabaseFile()}, nil
	}
	o.URL, err = cfg.DatabaseURL(e.env)
	return o, err
}

// openStore opens the database to write: alone where it is a file, beside other nodes on PostgreSQL.
func openStore(ctx context.Context, cfg *config.Config, e *environment, mode string) (*store.Store, error) {
	o, err := databaseOf(cfg, e)
	if err != nil {
		return nil, err
	}
	o.Mode, o.Log = mode, logger(e, cfg.LogLevel)
	return store.Open(ctx, o)
}

// readOnly opens the database beside a running process, without the lock.
func readOnly(ctx context.Context, cfg *config.Config, e *environment) (*store.Store, error) {
	if _, err := os.Stat(cfg.DatabaseFile()); errors.Is(err, fs.ErrNotExist) && !cfg.OnPostgreSQL() {
		return nil, noDatabase(cfg)
	}
	o, err := databaseOf(cfg, e)
	if err != nil {
		return nil, err
	}
	o.ReadOnly = true
	s, err := store.Open(ctx, o)
	if errors.Is(err, store.ErrEmpty) {
		err = fmt.Errorf("%w: %w", noDatabase(cfg), err)
	}
	return s, err
}

// nothing reports whether there is no Stint in the database yet, without making one.
func nothing(ctx context.Context, cfg *config.Config, e *environment) (bool, error) {
	if !cfg.OnPostgreSQL() {
		_, err := os.Stat(cfg.DatabaseFile())
		return errors.Is(err, fs.ErrNotExist), nil
	}
	s, err := readOnly(ctx, cfg, e)
	if errors.Is(err, store.ErrEmpty) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, s.Close()
}

// onlyOne refuses what must not happen while another Stint runs. The lock of a file says so by itself.
func onlyOne(ctx context.Context, s *store.Store) error {
	others, err := s.Others(ctx)
	if err == nil && others > 0 {
		err = fmt.Errorf("%d other Stint processes use this database; stop every node first", others)
	}
	return err
}

// missing reports whether there is no file of the database yet. A command would make one: that may be a mistyped path.
func missing(cfg *config.Config) (bool, error) {
	if cfg.OnPostgreSQL() {
		return false, nil
	}
	if err := finishSwap(cfg); err != nil {
		return false, err
	}
	_, err := os.Stat(cfg.DatabaseFile())
	return errors.Is(err, fs.ErrNotExist), nil
}

func noDatabase(cfg *config.Config) error {
	if cfg.OnPostgreSQL() {
		return fmt.Errorf("there is no Stint in %s yet; start `stint serve` first", cfg.Database)
	}
	return fmt.Errorf("there is no database at %s; name its directory with --data, or start `stint serve` first", cfg.DatabaseFile())
}
