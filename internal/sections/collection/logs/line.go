package logs

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/page"
)

// An entry is one line as it came, before scrub was through with it. It is kept
// in memory only, and not for long.
type entry struct {
	day  string
	only string // "browser" or "os" if the statement declares only one of them
	b    []byte
}

var entries = sync.Pool{New: func() any { return new(entry) }}

// mostOf is how much of what a visitor sends a line holds.
const mostOf = 2048

// Log writes a line for each request to next. It is the outermost: what it sees
// is what the visitor gets. Nobody waits for the log; if it cannot keep up,
// lines are lost, and counted.
func (s *Section) Log(next http.Handler) http.Handler {
	if s.Dir == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.declared()
		if !f.log {
			next.ServeHTTP(w, r)
			return
		}
		wrapped, rec := record(w)
		finished := false
		defer func() {
			if !finished && rec.status == 0 {
				rec.status = http.StatusInternalServerError // it panicked
			}
			s.add(f, r, rec.answered(), rec.bytes)
		}()
		next.ServeHTTP(wrapped, r)
		finished = true
	})
}

func (s *Section) add(f fields, r *http.Request, status int, bytes int64) {
	e := entries.Get().(*entry)
	e.write(f, s.Clock().UTC(), r, status, bytes)
	select {
	case s.queue <- e:
	default:
		s.dropped.Add(1)
		entries.Put(e)
	}
}

// write writes the line of a request, with only what is declared in it.
func (e *entry) write(f fields, now time.Time, r *http.Request, status int, bytes int64) {
	e.day = now.Format(time.DateOnly)
	b := e.b[:0]
	if f.network {
		b = escape(b, r.RemoteAddr)
	} else {
		b = append(b, '-')
	}
	b = now.AppendFormat(append(b, " - - ["...), "02/Jan/2006:15:04:05 -0700")
	b = escape(append(b, `] "`...), r.Method)
	b = target(append(b, ' '), r)
	b = escape(append(b, ' '), r.Proto)
	b = strconv.AppendInt(append(b, `" `...), int64(status), 10)
	b = strconv.AppendInt(append(b, ' '), bytes, 10)
	b = append(b, ` "`...)
	if referrer := r.Referer(); f.referrer && referrer != "" {
		b = escape(b, referrer)
	} else {
		b = append(b, '-')
	}
	b = append(b, `" "`...)
	switch agent := r.UserAgent(); {
	case agent == "" || !f.browser && !f.os:
		b = append(b, '-')
	default:
		b = escape(b, agent)
	}
	e.only = ""
	if f.browser != f.os {
		if e.only = "os"; f.browser {
			e.only = "browser"
		}
	}
	e.b = append(b, "\"\n"...)
}

// confided are the paths of avow below which an address lets in whoever has it.
var confided = []string{page.Base + "/receipt/", "/u/"}

// target appends what was asked for. Of an address that lets in whoever has it
// nothing stays: what scrub takes for drawn by lot is a guess, this is known.
func target(b []byte, r *http.Request) []byte {
	clean := path.Clean(r.URL.Path)
	for _, p := range confided {
		if strings.HasPrefix(clean, p) {
			return append(append(b, p...), "[secret]"...)
		}
	}
	return escape(b, r.RequestURI)
}

// escape appends what a visitor sent, as nginx would: one line, one field.
func escape(b []byte, s string) []byte {
	if len(s) > mostOf {
		s = s[:mostOf]
	}
	if s == "" {
		return append(b, '-')
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '"' || c == '\\' || c == 0x7f:
			const digits = "0123456789ABCDEF"
			b = append(b, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
