package links

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/page"
)

// A Crawler looks at all pages of one's own site. It asks no robots.txt: that is
// for strangers. It sends no cookies and follows links only.
type Crawler struct {
	Door   *egress.Door // with the site as its own
	Start  *url.URL     // the page to begin at
	Ours   []string     // further origins that are the site's, such as https://harbour.example
	Says   []string     // words by which a link says that it leaves, such as "leaves this site"
	Fields []string     // names of the statement's fields
	Pages  int          // most pages to look at; 500 if 0
	// Progress is told how many pages were looked at, of how many that are known;
	// nil for nobody.
	Progress func(done, total int64)
}

// A Report is what a crawl found.
type Report struct {
	Pages      int
	Links      int // to other sites
	More       bool
	Hosts      []HostFound
	Unlabelled []LinkFound
	Leaks      []LinkFound
	Failed     []string // paths of pages that could not be looked at
}

// A HostFound is another site, and some of the pages that link to it.
type HostFound struct {
	Host  string
	Links int
	On    []string // paths of at most five pages
}

// A LinkFound is one link to another site. Of its address only the host is kept:
// the rest may be what leaks.
type LinkFound struct {
	On   string // path of the page
	Host string
	Leak Leak // of Report.Leaks
}

const (
	atOnce    = 4
	usualMost = 500
)

// Crawl looks at the pages. An error is that of the first page, or of ctx.
func (c *Crawler) Crawl(ctx context.Context) (*Report, error) {
	if c.Pages == 0 {
		c.Pages = usualMost
	}
	s := &search{Crawler: c, report: new(Report), queue: []*url.URL{c.Start}, known: map[string]bool{key(c.Start): true}, hosts: map[string]*HostFound{}}
	s.wake.L = &s.mu
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() { s.work(ctx) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if s.first != nil {
		return nil, s.first
	}
	return s.sorted(), nil
}

// A search is a crawl under way.
type search struct {
	*Crawler
	mu     sync.Mutex
	wake   sync.Cond
	queue  []*url.URL
	busy   int
	known  map[string]bool // addresses of our site that were queued
	hosts  map[string]*HostFound
	report *Report
	first  error
}

// work looks at pages until there are none.
func (s *search) work(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 && s.busy > 0 {
			s.wake.Wait()
		}
		if len(s.queue) == 0 || ctx.Err() != nil {
			s.wake.Broadcast()
			return
		}
		if s.report.Pages >= s.Pages {
			s.report.More, s.queue = true, nil
			continue
		}
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.report.Pages++
		s.busy++
		s.mu.Unlock()
		found, at, err := s.look(ctx, next)
		s.mu.Lock()
		s.busy--
		s.take(next, at, found, err)
		if s.Progress != nil {
			s.Progress(int64(s.report.Pages-s.busy), int64(min(s.report.Pages+len(s.queue), s.Pages)))
		}
		s.wake.Broadcast()
	}
}

var errNoPage = errors.New("it is no page")

// look fetches a page and reads its links.
func (s *search) look(ctx context.Context, u *url.URL) (found []anchor, at *url.URL, err error) {
	a, err := s.Door.Get(ctx, u.String())
	if err != nil {
		return nil, u, err
	}
	if to, err := a.URL.Parse(a.Header.Get("Location")); a.Status/100 == 3 && err == nil {
		return []anchor{{to: to, name: strings.Join(s.Says, " ")}}, a.URL, nil // nobody sees a redirect, so it need not say
	}
	if a.Status != http.StatusOK {
		return nil, u, fmt.Errorf("it is answered %d", a.Status)
	}
	if !strings.Contains(strings.ToLower(a.Header.Get("Content-Type")), "html") {
		return nil, u, errNoPage
	}
	return read(a.URL, a.Body), a.URL, nil
}

// take enters what was found on a page. The caller holds s.mu.
func (s *search) take(asked, at *url.URL, found []anchor, err error) {
	switch {
	case err != nil && asked == s.Start:
		s.first = err
	case errors.Is(err, errNoPage):
		s.report.Pages--
	case err != nil:
		s.report.Failed = append(s.report.Failed, asked.EscapedPath())
	case asked != s.Start && key(asked) != key(at) && s.known[key(at)]:
		s.report.Pages-- // a redirect to a page that is looked at anyway
		return
	}
	s.known[key(at)] = true
	for _, a := range found {
		to := hopped(a.to, at)
		if s.isOurs(to) {
			if same(to, s.Start) {
				s.enqueue(to)
			}
			continue
		}
		s.outside(at.EscapedPath(), to, a.name)
	}
}

// hopped is where a link leads that goes over our own address.
func hopped(u, at *url.URL) *url.URL {
	if !same(u, at) || u.Path != page.Base+"/out" {
		return u
	}
	to, err := url.Parse(u.Query().Get("to"))
	if err != nil || to.Host == "" {
		return u
	}
	return to
}

func same(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

func (s *search) isOurs(u *url.URL) bool {
	return strings.EqualFold(u.Host, s.Start.Host) || slices.Contains(s.Ours, strings.ToLower(u.Scheme+"://"+u.Host))
}

// key is a page of our site, which its query is part of.
func key(u *url.URL) string { return u.EscapedPath() + "?" + u.RawQuery }

// enqueue remembers a page of ours to be looked at, once.
func (s *search) enqueue(u *url.URL) {
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	if s.known[key(u)] {
		return
	}
	if len(s.known) >= 20*s.Pages {
		s.report.More = true
		return
	}
	s.known[key(u)] = true
	s.queue = append(s.queue, u)
}

func (s *search) outside(on string, to *url.URL, name string) {
	host, ok := Normal(strings.ToLower(to.Host))
	if !ok {
		return
	}
	s.report.Links++
	h := s.hosts[host]
	if h == nil {
		h = &HostFound{Host: host}
		s.hosts[host] = h
	}
	if h.Links++; len(h.On) < 5 && !slices.Contains(h.On, on) {
		h.On = append(h.On, on)
	}
	name = strings.ToLower(name)
	if !slices.ContainsFunc(s.Says, func(words string) bool { return strings.Contains(name, strings.ToLower(words)) }) {
		s.report.Unlabelled = append(s.report.Unlabelled, LinkFound{On: on, Host: host})
	}
	for _, l := range Carried(to, s.Fields) {
		s.report.Leaks = append(s.report.Leaks, LinkFound{on, host, l})
	}
}

// sorted is the report in an order that does not depend on which page came first.
func (s *search) sorted() *Report {
	r := s.report
	for _, h := range s.hosts {
		slices.Sort(h.On)
		r.Hosts = append(r.Hosts, *h)
	}
	slices.SortFunc(r.Hosts, func(a, b HostFound) int { return strings.Compare(a.Host, b.Host) })
	by := func(a, b LinkFound) int {
		return strings.Compare(a.On+" "+a.Host+" "+a.Leak.Where+a.Leak.Kind, b.On+" "+b.Host+" "+b.Leak.Where+b.Leak.Kind)
	}
	slices.SortFunc(r.Unlabelled, by)
	slices.SortFunc(r.Leaks, by)
	slices.Sort(r.Failed)
	return r
}
