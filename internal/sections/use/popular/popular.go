// Package popular counts which pages are popular without knowing who read them.
//
// It keeps this promise:
//
//	popular: We count which pages are popular without knowing who read them, and show no number under 10.
//
// A page counts once a day for each visitor. To know that, the address and the
// browser of a visitor go into a hash with a salt that is made anew each day,
// and the hash sets four bits of a table in memory: nothing of it is written
// anywhere, and at midnight (UTC) table and salt are gone. They are gone when the
// house stops, too: who comes back on that day counts once more.
//
// No number under the limit is shown, and none can be computed from what is
// shown. A day's count of a page that stays under it is not shown but carried
// over to the page's next day, until together they reach it; then the sum is
// shown at that day. What has not come so far by the end of a month is
// forgotten. So every number ever shown is a sum of numbers that reach the
// limit by themselves, whatever range it is for and whenever it is looked at;
// and of the days behind one such number any could have had one visitor more or
// fewer.
package popular

import (
	_ "embed"
	"net/http"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/scrub"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"popular"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Add, Paths, Take, Days, Pages, Expire string }](queries)

// Editions finds the statement in force. While it does not say that pages are
// counted, none is.
type Editions interface{ InForce() *statement.Edition }

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Pages    *page.Pages
	Editions Editions
	// Own says of a path that it is avow's; nil for none. Who reads about their
	// privacy is not counted.
	Own func(path string) bool
	// Address is where a request comes from; nil for the other end of its
	// connection. Behind a proxy that is the proxy.
	Address func(*http.Request) string
}

// Section counts pages.
type Section struct {
	Deps
	set *page.Set

	mu      sync.Mutex
	today   visits
	pending map[string]*int64 // by path; at most maxPaths

	look  sync.Mutex
	shown *numbers // as of a minute ago at most
}

// maxPaths is how many pages are told apart in one day; the rest are counted
// together, as other.
const (
	maxPaths = 2000
	other    = "(other)"
)

// New returns a Section that writes its counts to d.Store.
func New(d Deps) *Section {
	return &Section{Deps: d, set: d.Pages.Parse(templates, "popular.html"), pending: map[string]*int64{}}
}

// rule is what the statement in force says of counting; nil for nothing.
func (s *Section) rule() *statement.Popular {
	if e := s.Editions.InForce(); e != nil {
		return e.Popular
	}
	return nil
}

// Count passes requests on to next, and counts the pages that next answers them
// with. It waits for nothing.
func (s *Section) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !reads(r) || s.Own != nil && s.Own(r.URL.Path) || s.rule() == nil {
			next.ServeHTTP(w, r)
			return
		}
		a := answers.Get().(*answer)
		a.ResponseWriter = w
		next.ServeHTTP(a, r)
		if a.status == http.StatusOK && a.html {
			s.count(r)
		}
		*a = answer{}
		answers.Put(a)
	})
}

// count counts one answered request.
func (s *Section) count(r *http.Request) {
	path := scrub.Path(r.URL.Path)
	address := ""
	if s.Address != nil {
		address = s.Address(r)
	} else {
		address = host(r.RemoteAddr)
	}
	browser := ""
	if ua := r.Header["User-Agent"]; len(ua) > 0 {
		browser = ua[0]
	}
	now := s.Store.Now()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.today.turn(now) {
		s.forgetPaths()
	}
	if !s.today.first(address, browser, path) {
		return
	}
	s.add(path, 1)
}

// add counts a path that may be new. The caller holds s.mu.
func (s *Section) add(path string, n int64) {
	c := s.pending[path]
	if c == nil {
		if len(s.pending) >= maxPaths {
			path = other
		} else {
			path = string(append([]byte(nil), path...)) // or the whole request would stay with it
		}
		if c = s.pending[path]; c == nil {
			c = new(int64)
			s.pending[path] = c
		}
	}
	*c += n
}

// forgetPaths makes room for those of another day.
func (s *Section) forgetPaths() {
	for path, n := range s.pending {
		if *n == 0 {
			delete(s.pending, path)
		}
	}
}

// day is how a day is written in the table.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
