// Package site holds the commands for a site that is there already: its links, its server logs, its headers.
package site

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/server"
)

// CSP is avow csp.
type CSP struct {
	File    string   `arg:"" optional:"" default:"statement.md" help:"The statement; - is standard input."`
	For     string   `help:"What to write it for: ${enum}." enum:"header,nginx,apache,caddy" default:"header"`
	Choice  []string `help:"What was chosen: none, all, or what the statement asks about, by host or cookie." default:"none" placeholder:"CHOICE"`
	Observe bool     `help:"Stop nothing, and have browsers report what would be."`
	Links   []string `help:"Hosts that pages link to, or none. Adds Connection-Allowlist." placeholder:"HOST"`
	Base    string   `help:"Path of avow's pages on the site; browsers report to reports below it." default:"/privacy" placeholder:"PATH"`
	JSON    bool     `name:"json" help:"Print the headers, and what can be chosen, as JSON."`
}

// Help is what avow csp --help says.
func (*CSP) Help() string {
	return `Prints the wall of a statement as response headers, for a site that avow serve does not stand in front of. They name
the hosts that pages may use, and browsers use no others. Put them on every response, workers' scripts too.

  avow csp
  avow csp --for nginx statement.md > /etc/nginx/snippets/avow.conf     # then: include snippets/avow.conf;
  avow csp --for caddy --observe
  avow csp --links example.org,shop.example > wall.txt
  avow csp --choice maps.example,theme

Connection-Allowlist (Chromium 152 and later) stops what a Content-Security-Policy does not know: preconnect, WebRTC,
speculation rules, navigation by script. It stops links to other sites as well, which end on an error page of the browser;
avow serve takes them over a page of its own, and here it takes --links: the hosts that your pages link to, *.host for all
below one, or none. Without --links the header is left out. To be linked to lets nothing load.

What the visitor chose is in a cookie that avow signed. A web server cannot tell it from one that a page made up, so what it
sends is the same for everybody: the wall for nothing chosen, unless --choice says otherwise. Where parts of a page wait for
a yes, put avow serve --site in front.

The JSON is an object with version (1), statement, choice (names), observe, headers (name and value) and offers (name, for,
hosts, cookies, optOut, chosen).`
}

// Run runs avow csp.
func (c *CSP) Run(w *world.World) error {
	s, err := w.Compile(c.File, server.Keeps())
	if err != nil {
		return err
	}
	built := wall.New(s, wall.Options{Base: strings.TrimSuffix(c.Base, "/"), Observe: c.Observe, Links: c.links()})
	set, err := chosen(built.Offers, c.Choice)
	if err != nil {
		return err
	}
	headers := slices.Clone(built.Headers(set))
	if len(c.Links) == 0 {
		headers = slices.DeleteFunc(headers, func(h wall.Header) bool { return strings.HasPrefix(h.Name, wall.AllowlistHeader) })
	}
	if c.JSON {
		return c.json(w.Stdout, built.Offers, set, headers)
	}
	if c.For != "header" {
		c.say(w.Stdout, s, built.Offers, set)
	}
	return c.write(w.Stdout, headers)
}

// Validate refuses a path or a host that would end up as something else in a header.
func (c *CSP) Validate() error {
	if !strings.HasPrefix(c.Base, "/") || strings.Trim(c.Base, "/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return fmt.Errorf("--base %q is not a path such as /privacy", c.Base)
	}
	for _, host := range c.Links {
		if !hostPattern.MatchString(host) {
			return fmt.Errorf("--links %q is not a host such as example.org", host)
		}
	}
	return nil
}

var hostPattern = regexp.MustCompile(`^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?$`)

// links are the hosts that are linked to.
func (c *CSP) links() []string {
	return slices.DeleteFunc(slices.Clone(c.Links), func(host string) bool { return host == "none" })
}

// chosen is the set of the offers with those names; a host or a cookie stands
// for the offer that it is in.
func chosen(offers choice.Offers, names []string) (set choice.Set, err error) {
	for _, name := range names {
		switch at := slices.IndexFunc(offers, func(o choice.Offer) bool {
			return slices.Contains(o.Hosts, name) || slices.Contains(o.Cookies, name)
		}); {
		case name == "all" && at < 0:
			set |= offers.All()
		case at >= 0:
			set |= 1 << at
		case name != "none":
			return 0, fmt.Errorf("--choice: the statement asks about no %q; it asks about %s", name, asked(offers, offers.All()))
		}
	}
	return set, nil
}

func asked(offers choice.Offers, of choice.Set) string {
	var names []string
	for i, o := range offers {
		if of.Has(i) {
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// say tells in the file itself what it is, to whoever finds it there.
func (c *CSP) say(out io.Writer, s *statement.Statement, offers choice.Offers, set choice.Set) {
	fmt.Fprintf(out, "# What the statement of %s allows where %s was chosen; the same for everybody.\n# Made by avow csp: change the statement, then make it again.\n",
		s.Organisation.Site[0], asked(offers, set))
	if len(c.Links) == 0 {
		fmt.Fprintln(out, "# Without Connection-Allowlist, which needs to know the hosts that are linked to: see --links.")
	}
	for _, line := range cspNotes[c.For] {
		fmt.Fprintln(out, "#", line)
	}
}

var cspNotes = map[string][]string{
	"nginx": {"Include it in server, and again in each location that has an add_header of its own:",
		"nginx takes none from above there."},
	"apache": {"It needs mod_headers: a2enmod headers."},
}

// cspForms write a header: beside the site's own of that name, which a policy
// has to leave standing, or as the only one.
var cspForms = map[string]struct {
	start, beside, only, end string
	escaped                  *strings.Replacer
}{
	"header": {beside: "%s: %s\n", only: "%s: %s\n", escaped: strings.NewReplacer()},
	"nginx":  {beside: "add_header %s \"%s\" always;\n", only: "add_header %s \"%s\" always;\n", escaped: strings.NewReplacer(`"`, `\"`)},
	"apache": {beside: "Header always add %s \"%s\"\n", only: "Header always set %s \"%s\"\n", escaped: strings.NewReplacer(`"`, `\"`, `%`, `%%`)},
	// defer lets the site answer first: it would otherwise have the last word.
	"caddy": {"header {\n", "\t+%s `%s`\n", "\t%s `%s`\n", "\tdefer\n}\n", strings.NewReplacer(`{`, `\{`)},
}

func (c *CSP) write(out io.Writer, headers []wall.Header) error {
	form := cspForms[c.For]
	text := form.start
	for _, h := range headers {
		line := form.only
		if strings.HasPrefix(h.Name, wall.PolicyHeader) {
			line = form.beside
		}
		text += fmt.Sprintf(line, h.Name, form.escaped.Replace(h.Values[0]))
	}
	_, err := io.WriteString(out, text+form.end)
	return err
}

func (c *CSP) json(out io.Writer, offers choice.Offers, set choice.Set, headers []wall.Header) error {
	type header struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	type offer struct {
		Name    string   `json:"name"`
		For     string   `json:"for"`
		Hosts   []string `json:"hosts"`
		Cookies []string `json:"cookies"`
		OptOut  bool     `json:"optOut"`
		Chosen  bool     `json:"chosen"`
	}
	o := struct {
		Version   int      `json:"version"`
		Statement string   `json:"statement"`
		Choice    []string `json:"choice"`
		Observe   bool     `json:"observe"`
		Headers   []header `json:"headers"`
		Offers    []offer  `json:"offers"`
	}{Version: 1, Statement: c.File, Choice: []string{}, Observe: c.Observe, Offers: []offer{}}
	for _, h := range headers {
		o.Headers = append(o.Headers, header{h.Name, h.Values[0]})
	}
	for i, f := range offers {
		if set.Has(i) {
			o.Choice = append(o.Choice, f.Name)
		}
		o.Offers = append(o.Offers, offer{f.Name, f.For, append([]string{}, f.Hosts...), append([]string{}, f.Cookies...), f.OptOut, set.Has(i)})
	}
	return world.WriteJSON(out, o)
}
