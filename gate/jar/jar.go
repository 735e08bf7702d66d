// Package jar reads cookies as browsers and servers do, and shortens their lives.
package jar

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
)

// Pairs are the cookies of a Cookie header, as a server reads it (RFC 6265,
// section 5.4). One without "=" has no name.
func Pairs(line string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for more := true; more; {
			var one string
			one, line, more = strings.Cut(line, ";")
			one = strings.Trim(one, " \t")
			if one == "" {
				continue
			}
			name, value, named := strings.Cut(one, "=")
			if !named {
				name, value = "", one
			}
			if !yield(strings.TrimRight(name, " \t"), value) {
				return
			}
		}
	}
}

// All are the cookies of all lines of a Cookie header.
func All(lines []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, line := range lines {
			for name, value := range Pairs(line) {
				if !yield(name, value) {
					return
				}
			}
		}
	}
}

// Clearing reads Clear-Site-Data (W3C, section 3.1). If it is to clear all cookies,
// kept is what else it clears.
func Clearing(lines []string) (kept string, cookies bool) {
	var types []string
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			switch one = strings.Trim(one, " \t"); one {
			case `"cookies"`:
				cookies = true
			case `"*"`:
				cookies = true
				types = append(types, `"cache"`, `"storage"`, `"executionContexts"`, `"clientHints"`, `"prefetchCache"`, `"prerenderCache"`)
			default:
				types = append(types, one)
			}
		}
	}
	return strings.Join(types, ", "), cookies
}

// Paths are where a cookie of the page at path may lie: the root, then from the
// page upwards. What cannot be written in a header is left out.
func Paths(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("/") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == ';' || r >= 0x7f }) {
			return
		}
		for len(path) > 1 {
			if !yield(path) {
				return
			}
			if shorter, slash := strings.CutSuffix(path, "/"); slash {
				path = shorter
			} else {
				path = path[:strings.LastIndexByte(path, '/')+1]
			}
		}
	}
}

// Domains are the attributes for the host alone, for it and what is below, and
// for each host above that has a dot.
func Domains(host string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("") || host == "" || strings.Trim(host, "0123456789.") == "" || strings.ContainsAny(host, ":[]; ") {
			return
		}
		for strings.Contains(host, ".") {
			if !yield("; Domain=" + host) {
				return
			}
			_, host, _ = strings.Cut(host, ".")
		}
	}
}

// Name is the name in a Set-Cookie header (RFC 6265, section 5.2), "" if there is none.
func Name(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	name, _, named := strings.Cut(pair, "=")
	if !named {
		return ""
	}
	return strings.Trim(name, " \t")
}

// Shorten returns a Set-Cookie header whose cookie lives no longer than keep, or
// than the browser's session. What deletes a cookie stays as it is.
func Shorten(line string, session bool, keep avow.Period, now time.Time) string {
	asked, sure, any := life(line, now)
	if !any || sure && asked <= 0 {
		return line
	}
	if session {
		return AsSession(line)
	}
	most := keep.After(now).Sub(now)
	if sure && asked <= most {
		return line
	}
	return AsSession(line) + "; Max-Age=" + strconv.FormatInt(int64(most/time.Second), 10)
}

// life reads how long a cookie is to live. Sure is false if a browser may read
// it in another way: attributes that are there twice, or dates of odd form.
func life(line string, now time.Time) (asked time.Duration, sure, any bool) {
	ages, dates := 0, 0
	var date time.Duration
	for key, value := range attributes(line) {
		switch {
		case strings.EqualFold(key, "Max-Age"):
			ages++
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				ages = 2
			}
			asked = time.Duration(min(max(seconds, 0), 1<<33)) * time.Second
		case strings.EqualFold(key, "Expires"):
			dates++
			t, ok := dateOf(value)
			if !ok {
				dates = 2
				continue
			}
			date = t.Sub(now)
		}
	}
	if ages > 0 { // goes before any date
		return asked, ages == 1, true
	}
	return date, dates < 2, dates > 0
}

// dateOf reads the date of an Expires attribute, as far as sites write it alike.
func dateOf(value string) (time.Time, bool) {
	if t, err := http.ParseTime(value); err == nil {
		return t, true
	}
	for _, form := range []string{"Mon, 02-Jan-2006 15:04:05 MST", "Mon, 02-Jan-06 15:04:05 MST"} {
		if t, err := time.Parse(form, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// attributes are those of a Set-Cookie header.
func attributes(line string) iter.Seq2[string, string] {
	_, rest, _ := strings.Cut(line, ";")
	return func(yield func(string, string) bool) {
		for part := range strings.SplitSeq(rest, ";") {
			key, value, _ := strings.Cut(part, "=")
			if !yield(strings.Trim(key, " \t"), strings.Trim(value, " \t")) {
				return
			}
		}
	}
}

// AsSession returns a Set-Cookie header whose cookie is gone when the browser closes.
func AsSession(line string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	for _, part := range parts[1:] {
		key, _, _ := strings.Cut(part, "=")
		key = strings.Trim(key, " \t")
		if !strings.EqualFold(key, "Max-Age") && !strings.EqualFold(key, "Expires") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ";")
}
