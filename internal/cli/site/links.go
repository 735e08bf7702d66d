package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/links"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/server"
)

// Links is avow links.
type Links struct {
	URL       string `arg:"" optional:"" help:"The first page of your site."`
	Pages     int    `help:"Look at no more pages than this." default:"500" placeholder:"N"`
	Find      bool   `help:"Look on the other sites for the addresses of their privacy statements."`
	Register  bool   `help:"Enter what is found into the register of the house that runs."`
	Private   string `help:"The private address of the house whose register says what a site is to you." placeholder:"URL"`
	Keys      string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
	Statement string `help:"The statement; without it that of the site is asked for." placeholder:"FILE"`
	JSON      bool   `name:"json" help:"Print the result as JSON."`
	Label     string `help:"Label the links in all HTML files of a folder instead." placeholder:"DIR"`
	Out       string `help:"With --label: write the folder here, and leave it as it is." placeholder:"DIR"`
	Check     bool   `help:"With --label: change nothing; exit 1 if a link is not labelled."`
}

// Help is what avow links --help says more.
func (*Links) Help() string {
	return `Looks at the pages of your own site, and lists the other sites that they link to, with the pages. It exits 1 if a link does
not say that it leaves the site, or carries something about a person: an e-mail address, a phone number, an id, or a field
of the statement. With --register the result is evidence of the house, and the sites stand in its register at /privacy/links.

  avow links https://harbour.example
  avow links http://127.0.0.1:8080 --private http://127.0.0.1:8081 --register
  avow links https://harbour.example --find --json

With --label it is a filter for sites that are files: each link in a folder's HTML files that leaves the site says so, and
every other byte stays as it was. A second run changes nothing. Without --statement every address with a host leaves.

  avow links --label public --statement statement.md
  avow links --label public --out dist
  avow links --label public --check

The JSON is an object with version (1), url, pages, links, more (whether there were pages beyond the limit), hosts (host,
class, statement, links and on, the pages), unlabelled (on and host), leaks (on, host, kind and where) and failed. With
--label it is version (1), files, links, changed and hosts.`
}

// Validate is for kong: it says what does not go together.
func (c *Links) Validate() error {
	switch {
	case c.Label != "" && c.URL != "" || c.Label == "" && c.URL == "":
		return errors.New("name either your site, such as https://harbour.example, or a folder with --label")
	case c.Label == "" && (c.Out != "" || c.Check):
		return errors.New("--out and --check go with --label")
	case c.Out != "" && c.Check:
		return errors.New("--check changes nothing, so it takes no --out")
	}
	return nil
}

// Run runs avow links.
func (c *Links) Run(w *world.World) error {
	if c.Label != "" {
		return c.label(w)
	}
	return c.crawl(context.Background(), w)
}

// A found is a site as it is printed.
type found struct {
	Host      string   `json:"host"`
	Class     string   `json:"class"` // "" if the register does not say
	Statement string   `json:"statement"`
	Links     int      `json:"links"`
	On        []string `json:"on"`
}

func (c *Links) crawl(ctx context.Context, w *world.World) error {
	start, err := url.Parse(c.URL)
	if err != nil || start.Host == "" || start.Scheme != "http" && start.Scheme != "https" {
		return errors.New("name the first page of your site with https:// or http://")
	}
	if start.Path == "" {
		start.Path = "/"
	}
	start.Fragment, start.RawQuery = "", ""
	door, err := egress.New(egress.Options{Own: start.Scheme + "://" + start.Host, Agent: "avow links"})
	if err != nil {
		return err
	}
	defer door.Close()
	crawler := links.Crawler{Door: door, Start: start, Pages: c.Pages, Progress: w.Progress("Looking at pages", 2)}
	if err := c.facts(ctx, w, &crawler); err != nil {
		return err
	}
	report, err := crawler.Crawl(ctx)
	if err != nil {
		return err
	}
	hosts, err := c.described(ctx, w, report)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printLinks(w.Stdout, c.URL, report, hosts)
	} else {
		err = sayLinks(w.Stdout, report, hosts)
	}
	if err == nil && len(report.Unlabelled)+len(report.Leaks) > 0 {
		err = world.ErrFound
	}
	return err
}

// languages are those in which a label may be found on a page.
var languages = []string{"en", "de", "fr", "es"}

// facts tells the crawler what the statement says.
func (c *Links) facts(ctx context.Context, w *world.World, to *links.Crawler) error {
	for _, l := range languages {
		_, say := labelIn(l)
		to.Says = append(to.Says, say)
	}
	if c.Statement != "" {
		s, err := readStatement(w, c.Statement)
		if err != nil {
			return err
		}
		to.Ours = s.Organisation.Site
		for _, d := range s.Data {
			to.Fields = append(to.Fields, string(d.Name))
		}
		return nil
	}
	// The site has its statement for machines, if it is run by avow.
	var d struct {
		Organisation struct{ Site []string }
		Rules        []struct{ Path string }
	}
	a, err := to.Door.Get(ctx, to.Start.Scheme+"://"+to.Start.Host+page.Base+"/statement.json")
	if err != nil || a.Status != 200 || json.Unmarshal(a.Body, &d) != nil {
		return nil
	}
	to.Ours = d.Organisation.Site
	for _, r := range d.Rules {
		if name, ok := strings.CutPrefix(r.Path, "data."); ok {
			to.Fields = append(to.Fields, name)
		}
	}
	return nil
}

// readStatement reads what a statement says of its site. It may have faults
// elsewhere: to find those is for avow check.
func readStatement(w *world.World, name string) (*statement.Statement, error) {
	source, err := w.ReadStatement(name)
	if err != nil {
		return nil, err
	}
	s, _ := statement.Compile(name, source, server.Keeps())
	if s == nil || len(s.Organisation.Site) == 0 {
		return nil, fmt.Errorf("%s does not say which site it is about: see avow check %[1]s", name)
	}
	return s, nil
}

var named = regexp.MustCompile(`aria-label="([^"]*)"`)

// labelIn is the label of a language, and what it says.
func labelIn(language string) (label []byte, say string) {
	label = bar.New(&statement.Statement{Language: language}, nil, page.Base).Label()
	if m := named.FindSubmatch(label); m != nil {
		say = html.UnescapeString(string(m[1]))
	}
	return label, say
}

// described asks the register about the sites, and tells it of them if that is
// wanted.
func (c *Links) described(ctx context.Context, w *world.World, r *links.Report) ([]found, error) {
	hosts := []found{}
	for _, h := range r.Hosts {
		hosts = append(hosts, found{Host: h.Host, Links: h.Links, On: h.On})
	}
	var house *client.Client
	var token string
	var err error
	if c.Register && c.Private == "" {
		c.Private = "http://127.0.0.1:8081"
	}
	if c.Private != "" {
		if house, token, err = w.Staff(c.Private, c.Keys); err != nil {
			return nil, err
		}
		known, err := house.Links(ctx, token)
		if err != nil {
			return nil, err
		}
		for i := range hosts {
			if n := slices.IndexFunc(known, func(l client.Link) bool { return l.Host == hosts[i].Host }); n >= 0 {
				hosts[i].Class, hosts[i].Statement = known[n].Class, known[n].Statement
			}
		}
	}
	if c.Find {
		if err := findStatements(ctx, w, hosts); err != nil {
			return nil, err
		}
	}
	if c.Register {
		return hosts, enter(ctx, house, token, r, hosts)
	}
	return hosts, nil
}

// findStatements asks the sites for the addresses that nobody knows yet. One that
// does not answer has none.
func findStatements(ctx context.Context, w *world.World, hosts []found) error {
	door, err := egress.New(egress.Options{Agent: "avow links"})
	if err != nil {
		return err
	}
	defer door.Close()
	progress := w.Progress("Asking other sites", 2)
	for i := range hosts {
		if hosts[i].Statement == "" {
			hosts[i].Statement, err = links.Statement(ctx, door, hosts[i].Host)
			if err != nil {
				fmt.Fprintf(w.Stderr, "avow: %v\n", err)
			}
		}
		progress(int64(i+1), int64(len(hosts)))
	}
	return nil
}

// enter tells the house what was found. A site whose statement was found is
// described as an other one, until somebody says more.
func enter(ctx context.Context, house *client.Client, token string, r *links.Report, hosts []found) error {
	note := client.Crawl{Pages: r.Pages, Links: r.Links, Unlabelled: len(r.Unlabelled), Leaks: len(r.Leaks)}
	for _, h := range hosts[:min(len(hosts), 2000)] {
		note.Hosts = append(note.Hosts, h.Host)
	}
	if err := house.NoteCrawl(ctx, token, note); err != nil {
		return err
	}
	for i := range hosts {
		h := &hosts[i]
		if h.Class != "" || h.Statement == "" {
			continue
		}
		if _, err := house.DescribeLink(ctx, token, h.Host, "other", h.Statement); err != nil {
			return err
		}
		h.Class = "other"
	}
	return nil
}

func printLinks(out io.Writer, start string, r *links.Report, hosts []found) error {
	type place struct {
		On    string `json:"on"`
		Host  string `json:"host"`
		Kind  string `json:"kind,omitempty"`
		Where string `json:"where,omitempty"`
	}
	places := func(all []links.LinkFound) []place {
		list := []place{}
		for _, l := range all {
			list = append(list, place{l.On, l.Host, l.Leak.Kind, l.Leak.Where})
		}
		return list
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Version    int      `json:"version"`
		URL        string   `json:"url"`
		Pages      int      `json:"pages"`
		Links      int      `json:"links"`
		More       bool     `json:"more"`
		Hosts      []found  `json:"hosts"`
		Unlabelled []place  `json:"unlabelled"`
		Leaks      []place  `json:"leaks"`
		Failed     []string `json:"failed"`
	}{1, start, r.Pages, r.Links, r.More, hosts, places(r.Unlabelled), places(r.Leaks), append([]string{}, r.Failed...)})
}

func sayLinks(out io.Writer, r *links.Report, hosts []found) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, h := range hosts {
		class := h.Class
		if class == "" {
			class = "not described"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\ton %s\t%s\n", h.Host, class, world.Count(h.Links, "link"), world.Printable(strings.Join(h.On, " ")), world.Printable(h.Statement))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range r.Unlabelled {
		fmt.Fprintf(out, "not labelled: a link to %s on %s\n", l.Host, world.Printable(l.On))
	}
	for _, l := range r.Leaks {
		fmt.Fprintf(out, "leak: a link to %s on %s carries what it must not: %s (%s)\n", l.Host, world.Printable(l.On), l.Leak.Kind, l.Leak.Where)
	}
	for _, path := range r.Failed {
		fmt.Fprintf(out, "not looked at: %s\n", world.Printable(path))
	}
	if r.More {
		fmt.Fprintln(out, "there are more pages: raise --pages to look at them too")
	}
	fmt.Fprintf(out, "%s looked at; %s to %s; %d not labelled, %s\n", world.Count(r.Pages, "page"), world.Count(r.Links, "link"),
		world.Count(len(hosts), "other site"), len(r.Unlabelled), world.Count(len(r.Leaks), "leak"))
	return nil
}
