package main

import (
	"fmt"

	"stint/internal/config"
)

type configCmd struct {
	config.Config
	Format string `default:"text" enum:"text,markdown,yaml" help:"How to print the fields: text, markdown (the documentation's page) or yaml (a file to begin with)."`
	Values bool   `help:"Print the values in force and where each came from instead. Secrets are printed as references only."`
}

// Run prints.
func (c *configCmd) Run(e *environment) error {
	text := config.Text()
	switch {
	case c.Values:
		text = c.Config.Values()
	case c.Format == "markdown":
		text = config.Markdown()
	case c.Format == "yaml":
		text = config.YAML()
	}
	_, err := fmt.Fprint(e.stdout, text)
	return err
}
