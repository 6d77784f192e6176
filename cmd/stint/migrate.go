package main

import (
	"context"
	"fmt"

	"stint/internal/config"
)

type migrateCmd struct {
	config.Config
}

// Run brings the schema up to date without serving; serve does the same at its start.
func (c *migrateCmd) Run(ctx context.Context, e *environment) error {
	if err := finishSwap(&c.Config); err != nil {
		return err
	}
	s, err := openStore(ctx, &c.Config, e, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, "The database is up to date.")
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}
