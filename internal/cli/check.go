package cli

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/statement/source"
	"github.com/avow-privacy/avow/server"
)

type checkCommand struct {
	Files []string `arg:"" name:"file" help:"Statements to check; - is standard input."`
	JSON  bool     `name:"json" xor:"form" help:"Print the result as JSON."`
	SARIF bool     `name:"sarif" xor:"form" help:"Print the result as SARIF 2.1.0, for code hosts and editors."`
}

func (*checkCommand) Help() string {
	return `Holds the prose of a statement against its rules. Each error is printed with its place, the line, and what to do;
warnings and notes do not change the exit status.

  avow check statement.md
  avow check --sarif statement.md > check.sarif
  avow init --from policy.html --out - | avow check -

The JSON is an object with version (1) and files, each with file, ok, ruleHash and textHash (sha256:…), the numbers of
promises, information, aspirations, errors, warnings and notes, and diagnostics: code, severity (error, warning or
note), line, column and width in characters from 1, message and fix. At most 200 are listed; more says how many are
not. Fields may be added; none is taken away or changes its meaning.`
}

// kept are the kinds of rules that this avow enforces.
var kept = server.Keeps()

// A checked is one file and what was found in it.
type checked struct {
	name      string
	source    []byte
	statement *statement.Statement
	found     statement.Diagnostics
}

// Run runs avow check.
func (c *checkCommand) Run(w *World) error {
	var all []checked
	var failed error
	for _, name := range c.Files {
		src, err := w.ReadStatement(name)
		if err != nil {
			fmt.Fprintln(w.Stderr, "avow:", err)
			failed = world.ErrFound
			continue
		}
		if name == "-" {
			name = "<stdin>"
		}
		s, found := statement.Compile(name, src, kept)
		if found.Failed() {
			failed = world.ErrFound
		}
		all = append(all, checked{name, src, s, found})
	}
	if err := c.print(w, all); err != nil {
		return err
	}
	return failed
}

func (c *checkCommand) print(w *World, all []checked) error {
	out := w.Stdout
	switch {
	case c.JSON:
		return printJSON(out, all)
	case c.SARIF:
		return printSARIF(out, all)
	}
	for _, f := range all {
		f.found.WriteStyled(out, f.name, f.source, styleOf(w.Coloured(out)))
		f.summary(out, len(all) > 1)
	}
	return nil
}

// summary prints the last line about a file.
func (f checked) summary(out io.Writer, several bool) {
	if several {
		fmt.Fprintf(out, "%s: ", source.Printable(f.name))
	}
	if f.found.Failed() {
		fmt.Fprintf(out, "%s, %s\n", world.Count(f.found.Count(statement.Error), "error"), world.Count(f.found.Count(statement.Warning), "warning"))
		return
	}
	n := f.forces()
	fmt.Fprintf(out, "ok: %s kept by code, %d information, %s (rules %s)\n", world.Count(n[statement.Promise], "promise"),
		n[statement.Information], world.Count(n[statement.Aspiration], "aspiration"), hex.EncodeToString(f.statement.RuleHash[:6]))
}

func (f checked) forces() map[statement.Force]int {
	n := map[statement.Force]int{}
	if f.statement != nil {
		for _, c := range f.statement.Clauses {
			n[c.Force]++
		}
	}
	return n
}

// styleOf colours what a person sees.
func styleOf(coloured bool) source.Style {
	if !coloured {
		return source.Style{}
	}
	return source.Style{Bold: "\x1b[1m", Reset: "\x1b[0m",
		Severity: map[statement.Severity]string{statement.Error: "\x1b[1;31m", statement.Warning: "\x1b[1;33m", statement.Note: "\x1b[1;36m"}}
}

// An object is JSON whose keys are sorted when written.
type object = map[string]any

func printJSON(out io.Writer, all []checked) error {
	type diagnostic struct {
		Code     string             `json:"code"`
		Severity statement.Severity `json:"severity"`
		Line     int                `json:"line"`
		Column   int                `json:"column"`
		Width    int                `json:"width"`
		Message  string             `json:"message"`
		Fix      string             `json:"fix"`
	}
	type file struct {
		File        string       `json:"file"`
		OK          bool         `json:"ok"`
		RuleHash    string       `json:"ruleHash,omitzero"`
		TextHash    string       `json:"textHash,omitzero"`
		Promises    int          `json:"promises"`
		Information int          `json:"information"`
		Aspirations int          `json:"aspirations"`
		Errors      int          `json:"errors"`
		Warnings    int          `json:"warnings"`
		Notes       int          `json:"notes"`
		More        int          `json:"more"`
		Diagnostics []diagnostic `json:"diagnostics"`
	}
	files := []file{}
	for _, f := range all {
		n := f.forces()
		head, more := f.found.Head()
		o := file{File: f.name, OK: !f.found.Failed(), Promises: n[statement.Promise], Information: n[statement.Information],
			Aspirations: n[statement.Aspiration], Errors: f.found.Count(statement.Error), Warnings: f.found.Count(statement.Warning),
			Notes: f.found.Count(statement.Note), More: more, Diagnostics: []diagnostic{}}
		if f.statement != nil {
			o.RuleHash = "sha256:" + hex.EncodeToString(f.statement.RuleHash[:])
			o.TextHash = "sha256:" + hex.EncodeToString(f.statement.TextHash[:])
		}
		for _, d := range head {
			o.Diagnostics = append(o.Diagnostics, diagnostic{d.Code, d.Severity, d.At.Line, d.At.Column, d.Width, d.Message, d.Fix})
		}
		files = append(files, o)
	}
	return world.WriteJSON(out, struct {
		Version int    `json:"version"`
		Files   []file `json:"files"`
	}{1, files})
}

// printSARIF prints the Static Analysis Results Interchange Format 2.1.0 (OASIS).
func printSARIF(out io.Writer, all []checked) error {
	rules, results := []object{}, []object{}
	index := map[string]int{}
	for i, c := range statement.Codes() {
		index[c.Name] = i
		help := c.Help
		if help == "" {
			help = c.Short
		}
		rules = append(rules, object{"id": c.Name, "shortDescription": object{"text": c.Short},
			"help": object{"text": help, "markdown": help}})
	}
	for _, f := range all {
		head, _ := f.found.Head()
		for _, d := range head {
			results = append(results, object{"ruleId": d.Code, "ruleIndex": index[d.Code], "level": d.Severity,
				"message": object{"text": d.Message + " (fix: " + d.Fix + ")"},
				"locations": []object{{"physicalLocation": object{
					"artifactLocation": object{"uri": (&url.URL{Path: filepath.ToSlash(f.name)}).String()},
					"region":           object{"startLine": d.At.Line, "startColumn": d.At.Column, "endColumn": d.At.Column + d.Width},
				}}}})
		}
	}
	return world.WriteJSON(out, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []object{{
			"tool":       object{"driver": object{"name": "avow", "rules": rules}},
			"columnKind": "unicodeCodePoints",
			"results":    results,
		}},
	})
}
