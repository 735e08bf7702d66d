package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/gate"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/scrub"
	"github.com/avow-privacy/avow/server"
)

// house is where a house stands: what serve and demo have in common.
type house struct {
	Listen    string `help:"Address for visitors; :0 picks a port." placeholder:"ADDR"`
	Private   string `help:"Address for staff and their programs; keep it on loopback or an inner network." placeholder:"ADDR"`
	Data      string `help:"Folder of the database; made if missing." placeholder:"DIR"`
	Keys      string `help:"Where the keys are: file:DIR, age:FILE, systemd:DIR or exec:DIR,CMD; outside the data folder, and made with it." placeholder:"SPEC"`
	Statement string `help:"The privacy statement to run on." placeholder:"FILE"`

	made string    // what a first start makes, if not the data folder
	post mailFlags // how letters travel
}

type serveCommand struct {
	house
	mailFlags
	Site        string   `help:"The site that the statement is about: every request that is not avow's own goes there, through the gate." placeholder:"URL"`
	Gate        string   `help:"What the gate does with what the statement does not allow: enforce stops it, observe only reports." enum:"enforce,observe" default:"enforce"`
	ConsentMode bool     `help:"Tell Google's tags in the site's pages what was chosen."`
	GPP         bool     `name:"gpp" help:"Tell readers of IAB's Global Privacy Platform in the site's pages what was chosen."`
	Guard       bool     `help:"Put a script of 600 bytes into the site's pages that stops undeclared cookies as other scripts write them."`
	Proxy       []string `help:"Network of the proxies before this house, whose X-Forwarded-For and X-Forwarded-Proto are believed; usually this machine's." placeholder:"CIDR"`
	AccessLog   string   `help:"Folder of the server log; usually log in the data folder." placeholder:"DIR"`
	DB          string   `name:"db" help:"Keep the data in this PostgreSQL database instead of the folder; any number of avows may run over one." placeholder:"URL"`
	Witness     []string `help:"Have the log cosigned by this witness; may be given several times." sep:"none" placeholder:"URL=VKEY"`
}

func (*serveCommand) Help() string {
	return `Runs a statement: its pages, forms, receipts and public log.

The first start makes the data folder and the keys, and publishes FILE as version 1. A later start runs on the
version in force, and refuses a FILE that differs from it: avow publish puts a new version into force.

With --site it stands in front of the site: undeclared cookies are dropped, third parties load only when they were
declared and chosen, the browser's signal is honoured, links that lead away are labelled.

  avow serve --statement statement.md
  avow serve --site http://127.0.0.1:3000 --gate observe
  avow serve --relay smtp://mail.example:587 --smtp :25 --mail-cert cert.pem --mail-key key.pem
  avow serve --db postgres://localhost/avow --keys file:/srv/avow/keys
  avow serve --witness https://witness.example=witness.example+1a2b3c4d+BA…
  avow serve --listen :8080 --private 127.0.0.1:8081 --data /srv/avow/data --keys file:/srv/avow/keys`
}

// Run runs avow serve.
func (c *serveCommand) Run(w *World) error {
	h := c.house.or(house{Listen: "127.0.0.1:8080", Private: "127.0.0.1:8081", Data: "avow-data", Keys: "file:avow-keys"})
	config, err := h.config(w)
	if err != nil {
		return err
	}
	config.DB, config.Witnesses = c.DB, c.Witness
	if config.Mail, err = c.mail(w); err != nil {
		return err
	}
	h.post = c.mailFlags
	if err := c.front(&config); err != nil {
		return err
	}
	h.made = h.Data
	if c.DB != "" {
		h.made = "the tables"
	}
	return h.run(w, config, nil)
}

// front puts the house in front of a site.
func (c *serveCommand) front(config *server.Config) error {
	config.Observe, config.Guard, config.ConsentMode, config.GPP = c.Gate == "observe", c.Guard, c.ConsentMode, c.GPP
	if config.AccessLog = c.AccessLog; config.AccessLog == "" {
		config.AccessLog = filepath.Join(config.Data, "log")
	}
	for _, text := range c.Proxy {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("--proxy %q: give a network, such as 10.0.0.0/8", text)
		}
		config.Proxies = append(config.Proxies, network)
	}
	if c.Site == "" {
		return nil
	}
	site, err := url.Parse(c.Site)
	if err != nil || site.Host == "" || site.Scheme != "http" && site.Scheme != "https" {
		return fmt.Errorf("--site %q: give the address of the site, such as http://127.0.0.1:3000", c.Site)
	}
	config.Site = gate.Proxy(site)
	if !answers(site) {
		config.Log.Warn("nothing answered at the address of --site in 2 seconds: while nothing does, visitors see that, with status 502")
	}
	return nil
}

// answers says whether there is a site, whatever it answers.
func answers(site *url.URL) bool {
	door, err := egress.New(egress.Options{Own: site.Scheme + "://" + site.Host, Timeout: 2 * time.Second})
	if err != nil {
		return false
	}
	defer door.Close()
	_, err = door.Get(context.Background(), site.Scheme+"://"+site.Host+"/")
	return err == nil
}

type demoCommand struct{ house }

func (*demoCommand) Help() string {
	return `Runs the example: the site of an instrument maker who does not exist, on its own privacy statement.
Everything stays on this machine, in a folder that it makes; no outside connection is opened.

  avow demo
  avow demo --listen 127.0.0.1:0 --data /tmp/demo/data --keys file:/tmp/demo/keys`
}

// Run runs avow demo.
func (c *demoCommand) Run(w *World) error {
	h := c.house.or(house{Data: filepath.Join("avow-demo", "data"), Keys: "file:" + filepath.Join("avow-demo", "keys"),
		Listen: orFree("127.0.0.1:8080"), Private: orFree("127.0.0.1:8081")})
	config, err := h.config(w)
	if err != nil {
		return err
	}
	if h.Statement == "" {
		config.Statement, config.StatementName = harbour.Statement, "examples/harbour/statement.md"
	}
	var from harbour.Elsewhere
	for at, party := range map[*string]http.Handler{&from.Maps: harbour.Maps(), &from.Metrics: harbour.Metrics()} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		elsewhere := httpServer(party)
		go elsewhere.Serve(l)
		defer elsewhere.Close()
		*at = "http://" + l.Addr().String()
	}
	config.Site, config.Standins = harbour.Handler(from), map[string]string{harbour.MapsHost: from.Maps}
	config.Guard, config.AccessLog, config.Mail.Outbox = true, filepath.Join(config.Data, "log"), true
	return h.run(w, config, demoLinks)
}

// orFree returns addr, or any free port of the same host if addr is taken.
func orFree(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return addr
}

func demoLinks(out io.Writer, public string) {
	for _, l := range []struct{ name, path string }{
		{"the site", "/"}, {"statement", "/privacy"}, {"promises", "/privacy/promises"}, {"changes", "/privacy/changes"},
		{"contact form", "/f/contact"}, {"order form", "/f/order"}, {"survey", "/f/survey"}, {"newsletter", "/f/newsletter"}, {"careers", "/f/careers"},
		{"check a receipt", "/privacy/verify"}, {"for machines", "/privacy/statement.json"}, {"public log", "/log/checkpoint"},
		{"your choices", "/privacy/choices"}, {"letters sent", "/privacy/outbox"}, {"who gets something", "/privacy/recipients"}, {"opting out elsewhere", "/privacy/elsewhere"}, {"a page with a map", "/workshop"}, {"outside links", "/privacy/links"}, {"popular pages", "/privacy/popular"},
	} {
		fmt.Fprintf(out, "  %-20s %s%s\n", l.name, public, l.path)
	}
}

// or fills what was not said with defaults.
func (h house) or(defaults house) house {
	for _, f := range []struct{ value, otherwise *string }{
		{&h.Listen, &defaults.Listen}, {&h.Private, &defaults.Private}, {&h.Data, &defaults.Data}, {&h.Keys, &defaults.Keys},
	} {
		if *f.value == "" {
			*f.value = *f.otherwise
		}
	}
	return h
}

func (h *house) config(w *World) (server.Config, error) {
	c := server.Config{Data: h.Data, Keys: h.Keys, Clock: w.Clock, Log: slog.New(scrub.New(scrub.Rules{}).Handler(slog.NewTextHandler(w.Stderr, nil))),
		Passphrase: w.KeyOptions().Passphrase, Credentials: w.KeyOptions().Credentials}
	if h.Statement == "" {
		return c, nil
	}
	source, err := w.ReadStatement(h.Statement)
	c.Statement, c.StatementName = source, h.Statement
	return c, err
}

// run serves until it is told to stop, and then finishes what is under way.
func (h *house) run(w *World, config server.Config, links func(io.Writer, string)) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	public, err := net.Listen("tcp", h.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen, or :0 for any free port", err)
	}
	defer public.Close()
	private, err := net.Listen("tcp", h.Private)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --private, or :0 for any free port", err)
	}
	defer private.Close()
	if config.Mail.Outbox {
		config.Origin = "http://" + reachable(public) // links in letters lead here, not to a site that does not exist
	}
	post, err := h.post.listen()
	if err != nil {
		return err
	}
	s, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	h.greet(w.Stdout, s, public, private, links)
	for l, use := range post {
		fmt.Fprintf(w.Stdout, "mail %s %s\n", l.Addr(), use)
	}
	if !config.Observe {
		public = wall.Listener(public)
	}
	err = serve(ctx, s, map[net.Listener]http.Handler{public: s.Public(), private: s.Private()}, post)
	return errors.Join(err, s.Close())
}

func (h *house) greet(out io.Writer, s *server.Server, public, private net.Listener, links func(io.Writer, string)) {
	fmt.Fprintf(out, "public http://%s\nprivate http://%s\n", reachable(public), reachable(private))
	if p := s.Published; p != nil && !p.Already {
		fmt.Fprintf(out, "published version %d of the statement\nmade %s and %s\n\n"+
			"Without the keys nothing of the data opens, by nobody. Back them up now, and keep the copy where the data is not:\n\n"+
			"  avow keys backup FILE --keys %[3]s\n\n", p.Version, cmp.Or(h.made, h.Data), h.Keys)
	}
	if s.LettersWait() {
		fmt.Fprintln(out, "letters wait, those that confirm an address too: name a mail server to hand them to with --relay")
	}
	if links != nil {
		fmt.Fprintln(out)
		links(out, "http://"+reachable(public))
		fmt.Fprintf(out, "\nread what came in, as staff:\n  avow read contact --for reply --as you --private http://%s --keys %s\n", reachable(private), h.Keys)
		fmt.Fprintln(out, "\nstop with Ctrl-C; the data stays in", h.Data)
	}
}

// reachable is an address that can be typed into a browser here.
func reachable(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return l.Addr().String()
}

// httpServer bounds what one connection may cost. What net/http would print
// holds addresses of visitors, so it is not printed.
func httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
}

// serve answers on every listener until ctx ends or one of them fails.
func serve(ctx context.Context, s *server.Server, on map[net.Listener]http.Handler, post map[net.Listener]server.MailUse) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	var servers []*http.Server
	for l, h := range on {
		srv := httpServer(h)
		servers = append(servers, srv)
		running.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				cancel(err)
			}
		})
	}
	for l, use := range post {
		running.Go(func() {
			if err := s.ServeMail(l, use); err != nil {
				cancel(err)
			}
		})
	}
	running.Go(func() { s.Run(ctx) })
	<-ctx.Done()
	grace, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	for _, srv := range servers {
		_ = srv.Shutdown(grace) // what is not done by then is cut off
	}
	_ = s.CloseMail(grace) // the same: whoever sent it sends it again
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
