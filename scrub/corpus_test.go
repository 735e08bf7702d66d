package scrub_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A corpus writes combined lines as a shop's server does: mostly without
// anything personal but address, browser and referrer, and now and then with
// what people type, as it is or escaped, where it gets into logs. The same seed
// makes the same lines.
type corpus struct {
	r    *rand.Rand
	line bytes.Buffer

	planted []plant // in the last line
	minute  int
}

// A plant is a value that must not survive: as it stands in the line, and as
// it reads once its escapes are undone.
type plant struct{ raw, plain string }

func newCorpus(seed uint64) *corpus {
	return &corpus{r: rand.New(rand.NewPCG(seed, 1))}
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

var realAgents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.6723.117 Safari/537.36 Edg/130.0.2849.80",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"curl/8.5.0", "Go-http-client/2.0",
}

var paths = []string{
	"/", "/index.html", "/products/tide-clock", "/products/12345/reviews", "/static/app.3f2a9b1c.js", "/static/css/main.css?v=1764000000",
	"/images/2026/11/24/harbour-at-dawn@2x.png", "/api/v1/items?page=3&sort=price", "/search?q=barometer&page=2", "/basket", "/favicon.ico",
	"/robots.txt", "/blog/2026/11/how-a-sextant-works-and-why-it-still-matters", "/fonts/inter-v13-latin-regular.woff2", "/wp-login.php",
	"/checkout/step/2?session=9f8e7d6c", "/products?category=clocks&min=100&max=2500&colour=brass", "/api/v1/stock/4006381333931",
}

var referrers = []string{"-", "-", "https://harbour.example/", "https://harbour.example/products/tide-clock", "https://www.google.com/",
	"https://duckduckgo.com/?q=tide+clock&ia=web", "https://www.bing.com/search?q=marine+barometer&form=QBLH"}

// next writes the next line, with its line break.
func (c *corpus) next() []byte {
	c.line.Reset()
	c.planted = c.planted[:0]
	r := c.r
	if r.IntN(40) == 0 {
		c.minute++
	}
	user, path, ref := "-", pick(r, paths), pick(r, referrers)
	ip := c.plant(c.address())
	switch n := r.IntN(100); {
	case n < 2:
		user = c.plant("plantedada" + fmt.Sprint(r.IntN(1e6)))
	case n < 9:
		path = pick(r, []string{"/search?q=%s&page=2", "/reset/%s", "/users/%s/edit", "/f?email=%s", "/a?x=1;y=%s", "/go?u=https%%3A%%2F%%2Fx.example%%2F%%3Fm%%3D%s"})
		path = fmt.Sprintf(path, c.plant(c.personal(true)))
	case n < 12:
		ref = "https://mail.example/read?as=" + c.plant(c.personal(true))
	case n < 13:
		ref = fmt.Sprintf("http://%s/admin", c.plant(c.address()))
	}
	fmt.Fprintf(&c.line, "%s - %s [24/Nov/2026:%02d:%02d:%02d +0000] \"%s %s HTTP/1.1\" %d %d \"%s\" \"", ip, user, 10+c.minute/60%12, c.minute%60, r.IntN(60),
		pick(r, []string{"GET", "GET", "GET", "GET", "POST"}), path, pick(r, []int{200, 200, 200, 200, 304, 404, 301, 500}), r.IntN(200000), ref)
	c.line.WriteString(pick(r, realAgents))
	if r.IntN(200) == 0 {
		c.line.WriteString(" " + c.plant(c.personal(false)))
	}
	c.line.WriteString("\"\n")
	return c.line.Bytes()
}

// plant notes that value stands in the line.
func (c *corpus) plant(value string) string {
	c.planted = append(c.planted, plant{value, unfolded(value)})
	return value
}

func (c *corpus) address() string {
	if c.r.IntN(5) == 0 {
		return fmt.Sprintf("2001:db8:%x::%x:%x", 1+c.r.IntN(65535), 1+c.r.IntN(65535), 1+c.r.IntN(65535))
	}
	return fmt.Sprintf("%d.%d.%d.%d", 1+c.r.IntN(223), c.r.IntN(256), c.r.IntN(256), 1+c.r.IntN(255))
}

// personal makes a value as people type it, escaped as programs do; in a path
// it must hold no space.
func (c *corpus) personal(path bool) string {
	r := c.r
	var v string
	switch r.IntN(6) {
	case 0, 1:
		v = fmt.Sprintf("planted.%x%s@mail%d.example.%s", r.IntN(1<<30), pick(r, []string{"", "+shop", "_x", "-y"}), r.IntN(99), pick(r, []string{"com", "org", "co.uk", "museum"}))
	case 2:
		v = c.card()
	case 3:
		v = pick(r, []string{"+44 20 7946 0%03d", "+1-212-555-0%03d", "+49 (171) 234 5%03d", "(212) 555-0%03d", "020 7946 0%03d", "07700 900%03d", "06.12.34.5%.1s.78"})
		if strings.Contains(v, ".1s") {
			v = fmt.Sprintf("06.12.34.5%d.78", r.IntN(10))
		} else {
			v = fmt.Sprintf(v, r.IntN(1000))
		}
	case 4:
		v = "eyJhbGciOiJIUzI1NiJ9." + letters(r, 40) + "." + letters(r, 43)
	case 5:
		v = "AKIA" + strings.ToUpper(letters(r, 16))
	}
	return escape(r, v, path)
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[r.IntN(62)]
	}
	return string(b)
}

// card makes a number with a check digit that fits.
func (c *corpus) card() string {
	r := c.r
	kind := pick(r, []struct {
		iin string
		n   int
	}{{"4", 16}, {"51", 16}, {"2300", 16}, {"37", 15}, {"6011", 16}, {"3530", 16}, {"6212", 19}, {"36", 14}})
	d := kind.iin
	for len(d) < kind.n-1 {
		d += fmt.Sprint(r.IntN(10))
	}
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	d += fmt.Sprint((10 - sum%10) % 10)
	sep := pick(r, []string{"", " ", "-"})
	var out []string
	for len(d) > 4 {
		out, d = append(out, d[:4]), d[4:]
	}
	return strings.Join(append(out, d), sep)
}

// escape writes v as a browser, a proxy, nginx, Apache or a JSON encoder would.
func escape(r *rand.Rand, v string, path bool) string {
	var b strings.Builder
	how := r.IntN(6)
	for i := range len(v) {
		c := v[i]
		odd := !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_')
		switch {
		case how == 0 && !(path && c == ' '):
			b.WriteByte(c)
		case how <= 1 && odd, how == 2 && (odd || r.IntN(4) == 0), how == 0:
			fmt.Fprintf(&b, pick(r, []string{"%%%02x", "%%%02X"}), c)
		case how == 3 && odd:
			fmt.Fprintf(&b, "%%25%02X", c)
		case how == 4 && odd:
			fmt.Fprintf(&b, `\x%02X`, c)
		case how == 5 && odd:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unfolded undoes escapes the slow way.
func unfolded(s string) string {
	for {
		before := s
		for c := range 256 {
			if !strings.ContainsAny(s, `%\`) {
				return s
			}
			for _, form := range []string{"%%%02x", "%%%02X", `\x%02x`, `\x%02X`, `\u%04x`, `\u%04X`} {
				s = strings.ReplaceAll(s, fmt.Sprintf(form, c), string(rune(c)))
			}
		}
		if s == before {
			return s
		}
	}
}

// block writes lines until there are n bytes.
func (c *corpus) block(n int) []byte {
	b := make([]byte, 0, n+4096)
	for len(b) < n {
		b = append(b, c.next()...)
	}
	return b
}
