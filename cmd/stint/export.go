package main

import (
	"context"
	"errors"

	"stint/internal/broker"
	"stint/internal/config"
)

type exportCmd struct {
	config.Config
}

// Run prints what the file of `stint apply` owns, read beside a running process.
func (c *exportCmd) Run(ctx context.Context, e *environment) (err error) {
	s, err := readOnly(ctx, &c.Config, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	text, err := broker.Export(ctx, s)
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(text)
	return err
}
