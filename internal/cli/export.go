package cli

import (
	"errors"
	"fmt"

	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vocabulary"
	"github.com/avow-privacy/avow/server"
)

type exportCommand struct {
	Format string `help:"What to write: ${enum}." enum:"json,jsonld,fides,schema" default:"json"`
	File   string `arg:"" optional:"" help:"The statement; - is standard input. A schema needs none."`
}

func (*exportCommand) Help() string {
	return `Says a statement in the terms other tools understand, on standard output:

  json     avow's own form, as served at /privacy/statement.json
  jsonld   JSON-LD in terms of the W3C Data Privacy Vocabulary
  fides    a fideslang file: data uses, a dataset, a system
  schema   the JSON Schema (2020-12) of the front matter, for editors

  avow export statement.md
  avow export --format fides statement.md > .fides/site.yml
  avow export --format schema > statement.schema.json`
}

// Validate refuses, as used wrongly, what has nothing to export.
func (c *exportCommand) Validate() error {
	if c.File == "" && c.Format != "schema" {
		return errors.New("name the statement to export")
	}
	return nil
}

// Run runs avow export.
func (c *exportCommand) Run(w *World) error {
	out := vocabulary.Schema()
	if c.Format != "schema" {
		s, err := w.Compile(c.File, server.Keeps())
		if err != nil {
			return err
		}
		if out, err = c.write(s); err != nil {
			return fmt.Errorf("export %s: %w", c.File, err)
		}
	}
	_, err := w.Stdout.Write(out)
	return err
}

func (c *exportCommand) write(s *statement.Statement) ([]byte, error) {
	switch c.Format {
	case "jsonld":
		return vocabulary.LD(s)
	case "fides":
		return vocabulary.Fides(s)
	}
	return vocabulary.JSON(&statement.Edition{Statement: s})
}
