package site

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/scrub"
)

// Logs is avow logs.
type Logs struct {
	From       []string `arg:"" optional:"" name:"file" help:"Logs, or folders of them, .gz too; standard input if there is none."`
	Out        string   `help:"Write to this file, or folder if there are several logs, instead of standard output." placeholder:"PATH"`
	Follow     bool     `help:"Go on reading one log as it grows, also when it is rotated or truncated."`
	All        bool     `help:"With --follow: begin with what is in the log already."`
	Check      bool     `help:"Change nothing; say where a log still holds personal data, and exit with 1 if one does."`
	AllowQuery []string `help:"Keys of queries whose values stay; utm_* means all that begin so." placeholder:"KEY"`
	Token      bool     `help:"Write a token for each visitor, another one each day, instead of the network."`
	Minute     bool     `help:"Keep times to the minute."`
	Format     string   `help:"How lines are written: auto, combined, json, text." enum:"auto,combined,json,text" default:"auto"`
	JSON       bool     `name:"json" help:"Print the summary as JSON."`
}

// Help is what avow logs --help says more.
func (*Logs) Help() string {
	return `Takes personal data out of access logs before they are kept: addresses become networks, browsers families, referrers
origins; user names and values of queries go; e-mail addresses, card and phone numbers, tokens and keys are masked
wherever they stand, escaped or not. What became of them is counted on standard error, without their values.

Each line is looked at by itself: combined, common and virtual host logs of nginx, Apache and Traefik, JSON of nginx,
Caddy and Traefik. In a line of no known format only patterns are masked.

  avow logs < access.log > access.min.log
  avow logs /var/log/nginx --out /srv/logs --allow-query page,lang
  avow logs --follow /var/log/nginx/access.log --out /srv/logs/access.log
  avow logs --check /srv/logs

A file that is written is there whole or not at all; with --follow lines are added to it.
Exit status with --check: 0 nothing found, 1 something found.`
}

// Validate refuses what does not go together.
func (c *Logs) Validate() error {
	switch {
	case c.Follow && len(c.From) != 1:
		return errors.New("--follow needs one log")
	case c.Follow && c.Check:
		return errors.New("--follow and --check do not go together")
	case c.All && !c.Follow:
		return errors.New("--all goes with --follow")
	case c.Check && c.Out != "":
		return errors.New("--check writes nothing: leave --out away")
	}
	return nil
}

func (c *Logs) scrubber(w *world.World) *scrub.Scrubber {
	format := map[string]scrub.Format{"combined": scrub.Combined, "json": scrub.JSON, "text": scrub.Text}[c.Format]
	return scrub.New(scrub.Rules{Query: c.AllowQuery, Token: c.Token, Minute: c.Minute, Format: format, Clock: w.Clock})
}

// Run runs avow logs.
func (c *Logs) Run(w *world.World) error {
	logs, err := c.find()
	if err != nil {
		return err
	}
	s := c.scrubber(w)
	switch {
	case c.Check:
		return c.check(w, logs)
	case c.Follow:
		err = c.follow(w, s)
	case c.Out == "":
		err = c.toStdout(w, s, logs)
	default:
		err = c.toFiles(w, s, logs)
	}
	return errors.Join(err, c.tell(w.Stderr, s.Summary()))
}

// A log is a file to read; rel is its name below the folder it was found in.
type log struct {
	name, rel string
	size      int64
}

// find finds the logs that were named. None is standard input.
func (c *Logs) find() (logs []log, err error) {
	for _, from := range c.From {
		info, err := os.Stat(from)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			logs = append(logs, log{from, filepath.Base(from), info.Size()})
			continue
		}
		err = filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, name)
			logs = append(logs, log{name, rel, info.Size()})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(c.From) > 0 && len(logs) == 0 {
		return nil, fmt.Errorf("there are no logs in %s", strings.Join(c.From, ", "))
	}
	return logs, nil
}

// open opens a log, unpacked if it is packed. Read is told of each byte that is
// read of the file.
func open(name string, read func(n int)) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(counted{f, read}, 1<<20)
	if magic, _ := in.Peek(2); string(magic) != "\x1f\x8b" {
		return input{in, f}, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return input{z, f}, nil
}

type input struct {
	io.Reader
	io.Closer
}

type counted struct {
	from io.Reader
	read func(int)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read(n)
	return n, err
}

// pour writes what is left of in to out, as it comes.
func pour(out io.Writer, in io.Reader) error {
	buf := make([]byte, 512<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if _, err := out.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// worth is how many bytes are worth a progress bar.
const worth = 64 << 20

// progress draws one bar for all logs.
func progress(w *world.World, logs []log) func(n int) {
	var total, done int64
	for _, l := range logs {
		total += l.size
	}
	bar := w.Progress("bytes", worth)
	return func(n int) {
		done += int64(n)
		bar(min(done, total), total)
	}
}

func (c *Logs) toStdout(w *world.World, s *scrub.Scrubber, logs []log) error {
	if len(logs) == 0 {
		return scrubTo(w.Stdout, s, w.Stdin)
	}
	read := progress(w, logs)
	for _, l := range logs {
		if err := c.one(w.Stdout, s, l.name, read); err != nil {
			return err
		}
	}
	return nil
}

func (c *Logs) one(out io.Writer, s *scrub.Scrubber, name string, read func(int)) error {
	in, err := open(name, read)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := scrubTo(out, s, in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func scrubTo(out io.Writer, s *scrub.Scrubber, in io.Reader) error {
	lines := s.Writer(out)
	return errors.Join(pour(lines, in), lines.Close())
}

func (c *Logs) toFiles(w *world.World, s *scrub.Scrubber, logs []log) error {
	if len(logs) == 0 {
		return world.WriteFile(c.Out, 0o600, func(out io.Writer) error { return scrubTo(out, s, w.Stdin) })
	}
	targets, err := c.targets(logs)
	if err != nil {
		return err
	}
	read := progress(w, logs)
	for i, l := range logs {
		if err := os.MkdirAll(filepath.Dir(targets[i]), 0o700); err != nil {
			return err
		}
		err := world.WriteFile(targets[i], 0o600, func(out io.Writer) error { return c.one(out, s, l.name, read) })
		if err != nil {
			return err
		}
	}
	return nil
}

// targets says where each log goes, and refuses to write over one that is read.
func (c *Logs) targets(logs []log) ([]string, error) {
	info, err := os.Stat(c.Out)
	folder := err == nil && info.IsDir() || strings.HasSuffix(c.Out, "/")
	if stat, err := os.Stat(c.From[0]); len(logs) > 1 || err == nil && stat.IsDir() {
		folder = true
	}
	for _, from := range c.From {
		if err := apart(from, c.Out); err != nil {
			return nil, err
		}
	}
	var targets []string
	for _, l := range logs {
		to := c.Out
		if folder {
			to = filepath.Join(c.Out, strings.TrimSuffix(l.rel, ".gz"))
		}
		if slices.Contains(targets, to) {
			return nil, fmt.Errorf("two logs would be written to %s: scrub them one by one", to)
		}
		targets = append(targets, to)
	}
	for _, to := range targets {
		there, err := os.Stat(to)
		for _, l := range logs {
			if from, e := os.Stat(l.name); err == nil && e == nil && os.SameFile(there, from) {
				return nil, fmt.Errorf("%s is read and would be written: choose another place with --out", to)
			}
		}
	}
	return targets, nil
}

// follow scrubs a log as it grows until the command is ended.
func (c *Logs) follow(w *world.World, s *scrub.Scrubber) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := w.Stdout
	if c.Out != "" {
		if a, err := os.Stat(c.Out); err == nil {
			if b, err := os.Stat(c.From[0]); err == nil && os.SameFile(a, b) {
				return fmt.Errorf("%s is read and would be written: choose another place with --out", c.Out)
			}
		}
		f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	lines := s.Writer(out)
	f := follower{name: c.From[0], every: 200 * time.Millisecond, all: c.All}
	return errors.Join(f.run(ctx, lines), lines.Close())
}

// tell says what was removed.
func (c *Logs) tell(out io.Writer, sum scrub.Summary) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(sum)
	}
	if len(sum.Removed) == 0 {
		_, err := fmt.Fprintf(out, "%s, nothing to remove\n", world.Count(sum.Lines, "line"))
		return err
	}
	_, err := fmt.Fprintf(out, "%s, removed: %s\n", world.Count(sum.Lines, "line"), kinds(sum.Removed))
	return err
}

// kinds says how many there were of each kind, in the order of the kinds.
func kinds(removed map[scrub.Kind]int64) string {
	var all []string
	for k := scrub.Kind(0); k <= scrub.Long; k++ {
		if n := removed[k]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, k))
		}
	}
	return strings.Join(all, ", ")
}
