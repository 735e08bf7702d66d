// Package cli is the avow command.
package cli

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/avow-privacy/avow/internal/cli/carry"
	"github.com/avow-privacy/avow/internal/cli/post"
	"github.com/avow-privacy/avow/internal/cli/site"
	"github.com/avow-privacy/avow/internal/cli/tend"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// World is what a command may touch beside its arguments.
type World = world.World

type commands struct {
	Demo    demoCommand    `cmd:"" help:"Run the example site on its statement."`
	Init    initCommand    `cmd:"" help:"Start a statement, from a policy you have or from nothing."`
	Check   checkCommand   `cmd:"" help:"Hold the words of a statement against its rules."`
	Diff    diffCommand    `cmd:"" help:"Say what changed between two statements, and for whom it matters."`
	Export  exportCommand  `cmd:"" help:"Say a statement in the terms other tools understand."`
	CSP     site.CSP       `cmd:"" name:"csp" help:"Print what a statement allows as headers, for a web server."`
	Serve   serveCommand   `cmd:"" help:"Run a statement."`
	Publish publishCommand `cmd:"" help:"Put a new version of the statement into force."`
	Read    readCommand    `cmd:"" help:"Read what came in, for a purpose."`
	Verify  verifyCommand  `cmd:"" help:"Check a receipt, or a whole log."`

	Import   carry.Import  `cmd:"" help:"Hand over rows of a file."`
	Mail     post.Mail     `cmd:"" help:"Sort mail, and have done what it asks."`
	Suppress post.Suppress `cmd:"" help:"Stop letters to a list of addresses."`
	Subject  carry.Subject `cmd:"" help:"Export or erase one person."`
	Backup   carry.Backup  `cmd:"" help:"Write a house into one file."`
	Restore  carry.Restore `cmd:"" help:"Fill an empty house from a backup."`

	Egress post.Egress `cmd:"" help:"Give recipients of the statement what it lets them have."`

	Keys   tend.Keys   `cmd:"" help:"Look after the keys."`
	Ledger tend.Ledger `cmd:"" help:"Look after the log."`
	Token  tend.Token  `cmd:"" help:"Look after the tokens of programs."`

	Logs  site.Logs  `cmd:"" help:"Take personal data out of access logs."`
	Links site.Links `cmd:"" help:"Look where the pages of a site lead, or label its links."`

	Witness tend.Witness `cmd:"" help:"Cosign the logs of others."`

	Bench tend.Bench `cmd:"" help:"Measure a house against a bare handler."`
}

const about = `avow runs a privacy statement: its words and the rules the server enforces are one compiled source.

Exit status: 0 done, 1 something is wrong, 2 used wrongly.`

// leave carries an exit status out of kong, which would end the process.
type leave int

// Main runs one avow command and returns its exit status.
func Main(args []string, w World) (status int) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case leave:
			status = int(fault)
		default:
			panic(fault)
		}
	}()
	if w.Env == nil {
		w.Env = os.Getenv
	}
	var cmds commands
	p, err := kong.New(&cmds, kong.Name("avow"), kong.Description(about), kong.Writers(w.Stdout, w.Stderr),
		kong.Exit(func(code int) { panic(leave(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Bind(&w))
	if err != nil {
		panic(err) // the grammar above is wrong: no input can cause it
	}
	command, err := p.Parse(args)
	if err != nil {
		fmt.Fprintf(w.Stderr, "avow: %v\nsee avow --help\n", err)
		return world.Usage
	}
	return world.Complain(w.Stderr, command.Run())
}
