package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/draft"
	"github.com/avow-privacy/avow/internal/statement"
)

type initCommand struct {
	From  string `help:"A policy that exists: text, Markdown or a saved web page; - is standard input." placeholder:"FILE"`
	Out   string `help:"Where to write the statement; - is standard output." default:"statement.md" placeholder:"FILE"`
	Force bool   `help:"Overwrite the statement that is there."`
	JSON  bool   `name:"json" help:"Print what was found as JSON."`
}

func (*initCommand) Help() string {
	return `Writes a statement to begin with. With --from it is drafted from a privacy policy: the words stay, each sentence that
binds is marked, rules are proposed, and what only you can answer is listed. The draft compiles; each open question is
a warning until it is answered. Lines are those of the policy.

  avow init
  avow init --from policy.html
  avow init --from policy.md --out site/statement.md --force
  avow init --from policy.txt --out - | avow check -

The JSON is an object with version (1), statement (the file written), language, sections (title, kind, line), promises
(id, force: promise, information or aspiration, keeps, line), rules (path, line), questions (line, ask) and next (the
command to run). Fields may be added; none is taken away or changes its meaning.`
}

// A drafted is what avow init --json prints.
type drafted struct {
	Version   int              `json:"version"`
	Statement string           `json:"statement"`
	Language  string           `json:"language"`
	Sections  []draft.Section  `json:"sections"`
	Promises  []draft.Mark     `json:"promises"`
	Rules     []draft.Rule     `json:"rules"`
	Questions []draft.Question `json:"questions"`
	Next      string           `json:"next"`
}

// Run runs avow init.
func (c *initCommand) Run(w *World) error {
	if err := c.free(); err != nil {
		return err
	}
	today := avow.DateOf(w.Clock())
	d := &draft.Draft{Source: draft.Starter(today), Language: "en"}
	if c.From != "" {
		src, err := readPolicy(c.From, w.Stdin)
		if err != nil {
			return err
		}
		if d, err = draft.Policy(c.From, src, draft.Options{Today: today, Keeps: kept}); err != nil {
			return err
		}
	}
	says := w.Stdout
	if c.Out == "-" {
		says = w.Stderr
		if _, err := w.Stdout.Write(d.Source); err != nil {
			return err
		}
	} else if err := writeNew(c.Out, d.Source, c.Force); err != nil {
		return err
	}
	if c.JSON {
		return c.printJSON(says, d)
	}
	c.print(says, d)
	return nil
}

// free says that the statement would overwrite a file, before any work is done.
func (c *initCommand) free() error {
	if c.Force || c.Out == "-" {
		return nil
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return fmt.Errorf("%s is there already: name another file with --out, or overwrite it with --force", c.Out)
	}
	return nil
}

// readPolicy reads a file or standard input, a little past what is read of a
// policy: the draft says what is wrong with one that is too large.
func readPolicy(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, draft.MaxSource+1))
}

// writeNew writes a file whole or not at all. Unless it may overwrite, a file
// that appeared meanwhile stays.
func writeNew(name string, content []byte, overwrite bool) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".avow-init-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Unwrap(err))
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = cmp.Or(err, f.Chmod(0o644), f.Sync())
	if err = cmp.Or(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if !overwrite {
		// A link, unlike a rename, does not replace what is there. Not every
		// file system has them.
		if err := os.Link(f.Name(), name); err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return os.Rename(f.Name(), name)
}

func (c *initCommand) next() string {
	if c.Out == "-" {
		return "avow check -"
	}
	return "avow check " + c.Out
}

func (c *initCommand) printJSON(out io.Writer, d *draft.Draft) error {
	err := json.MarshalWrite(out, drafted{1, c.Out, d.Language, d.Sections, d.Marks, d.Rules, d.Questions, c.next()}, jsontext.WithIndent("  "))
	fmt.Fprintln(out)
	return err
}

func (c *initCommand) print(out io.Writer, d *draft.Draft) {
	if c.From != "" {
		fmt.Fprintf(out, "%s (%s): %d sections, %d sentences marked, %d rules proposed\n", c.From, d.Language, len(d.Sections), len(d.Marks), len(d.Rules))
		printSections(out, d)
		printMarks(out, d)
		printRules(out, d)
		printQuestions(out, d)
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "wrote %s\nanswer the questions under open in it, and run\n\n  %s\n", c.Out, c.next())
}

func printSections(out io.Writer, d *draft.Draft) {
	fmt.Fprintln(out, "\nSections")
	for _, s := range d.Sections {
		fmt.Fprintf(out, "  line %-5d %-11s %s\n", s.Line, s.Kind, s.Title)
	}
}

// printMarks prints how many sentences bind how, and which bind without a rule.
func printMarks(out io.Writer, d *draft.Draft) {
	count := map[statement.Force]int{}
	var loose []draft.Mark
	for _, m := range d.Marks {
		count[m.Force]++
		if m.Force == statement.Aspiration && len(m.Keeps) == 0 {
			loose = append(loose, m)
		}
	}
	fmt.Fprintf(out, "\nPromises\n  %d kept by this avow\n  %d marked .aspiration: nothing keeps them yet\n  %d marked .information: they bind nobody\n",
		count[statement.Promise], count[statement.Aspiration], count[statement.Information])
	if len(loose) > 0 {
		fmt.Fprintln(out, "\nPromises that no rule could be found for")
		for _, m := range loose {
			fmt.Fprintf(out, "  line %-5d %s\n", m.Line, m.ID)
		}
	}
}

// printRules prints the proposed rules, those of one key together.
func printRules(out io.Writer, d *draft.Draft) {
	fmt.Fprintln(out, "\nRules")
	var keys []string
	names, lines := map[string][]string{}, map[string]int{}
	for _, r := range d.Rules {
		key, name, _ := strings.Cut(r.Path, ".")
		if lines[key] == 0 {
			keys, lines[key] = append(keys, key), r.Line
		}
		names[key] = append(names[key], name)
	}
	for _, key := range keys {
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  line %-5d %-11s %s", lines[key], key, strings.Join(names[key], ", ")), " "))
	}
}

func printQuestions(out io.Writer, d *draft.Draft) {
	if len(d.Questions) > 0 {
		fmt.Fprintln(out, "\nOnly you can answer")
	}
	for _, q := range d.Questions {
		fmt.Fprintf(out, "  [ ] line %-5d %s\n", q.Line, q.Ask)
	}
}
