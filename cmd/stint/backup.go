package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"stint/internal/config"
)

type backupCmd struct {
	config.Config
	To string `arg:"" help:"File to write. It must not exist yet; it is made with mode 0600."`
}

// Run copies the database while it is in use. The copy never holds the key files.
func (c *backupCmd) Run(ctx context.Context, e *environment) error {
	if _, err := os.Stat(c.To); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already; name a new file", c.To)
	}
	if c.OnPostgreSQL() {
		return fmt.Errorf("nothing was written: this database is on PostgreSQL, which has its own programs for backups. Run:\n  pg_dump --format=custom --no-owner --file=%s --dbname='%s'\nand see \"Backup\" in docs/nodes.md for continuous archiving. Keep a copy of the key files in %s elsewhere", c.To, c.Database.Bare(), c.Keys)
	}
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Backup(ctx, c.To); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "Wrote %s (%d audit entries).\nIt does not hold the key files in %s: keep a copy of those elsewhere, apart from the backups.\n", c.To, s.Head().Size, c.Keys)
	return err
}
