package wall

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"
)

// The corpus: each folder is a page, index.html, and the files of its own that
// it loads. They know nothing of avow, and are written as templates only so that
// each part stands there once for every kind of host. What other sites answer
// lies in third.
//
//go:embed all:pages
var corpus embed.FS

// A host is a kind of third party, as a page sees it.
type host struct {
	Kind  string
	visit string
	mode  string // the run and the state, for hosts that no path can name
}

// kinds are the kinds of host, as the statement tells them.
var kinds = []string{"need", "optin", "optout", "never"}

// kindOf returns what kind of host a host is.
func kindOf(name string) string {
	name, _, _ = strings.Cut(name, ":")
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return "unknown"
	}
	return labels[len(labels)-2]
}

// Host returns the host of a channel. Undeclared hosts are as many as there are
// channels and visits; a statement declares few, and those serve all.
func (h host) Host(channel string) string {
	if h.Kind == "never" {
		return channel + "." + h.visit + ".never.example"
	}
	return "cdn." + h.Kind + ".example"
}

// Idle returns the host of a channel that connects and asks nothing. A declared
// one is declared for this visit alone, since nothing else could name the visit.
func (h host) Idle(channel string) string {
	if h.Kind == "never" {
		return h.Host(channel)
	}
	return channel + "." + h.mode + "." + h.Kind + ".example"
}

// URL returns the address of a channel's part: its name and what it is.
func (h host) URL(part string) string { return "https:" + h.Bare(part) }

// Bare is URL without scheme.
func (h host) Bare(part string) string {
	channel := strings.TrimSuffix(part, path.Ext(part))
	return "//" + h.Host(channel) + "/" + h.visit + "/" + part
}

// Socket is URL as WebSockets have it.
func (h host) Socket(part string) string { return "wss:" + h.Bare(part) }

// Entities is URL with every letter of it written as a character reference.
func (h host) Entities(part string) string {
	var b strings.Builder
	for i, c := range h.URL(part) {
		if i%2 == 0 {
			fmt.Fprintf(&b, "&#x%x;", c)
		} else {
			fmt.Fprintf(&b, "&#%d;", c)
		}
	}
	return b.String()
}

// Tabs is URL with what the URL parser throws away between its letters.
func (h host) Tabs(part string) string {
	return strings.NewReplacer("https", "ht\ttp\ns", "example", "exa\n\tmple").Replace(h.URL(part))
}

// Backslash is URL with the slashes that browsers take for slashes.
func (h host) Backslash(part string) string {
	return strings.Replace(h.URL(part), "//", `\\`, 1)
}

// Base64 is a text in base64, for data: addresses.
func (h host) Base64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// A view is what a template sees.
type view struct {
	V     string // the visit
	Port  int    // of the third party, where packets go
	Hosts []host // of every kind, or of the one that was asked for
}

// Kinds are their names, for frames that ask for one each.
func (v view) Kinds() []string { return kinds }

// Never is the host that may never be asked.
func (v view) Never() host { return host{Kind: "never", visit: v.V} }

// Some returns the hosts of some kinds.
func (v view) Some(names ...string) (list []host) {
	for _, h := range v.Hosts {
		for _, n := range names {
			if n == h.Kind {
				list = append(list, h)
			}
		}
	}
	return list
}

// views returns all kinds of hosts for a visit, or one.
func newView(visit, mode, only string, port int) view {
	v := view{V: visit, Port: port}
	for _, k := range kinds {
		if only == "" || only == k {
			v.Hosts = append(v.Hosts, host{k, visit, mode})
		}
	}
	return v
}

// texts are all files of the corpus, parsed.
var texts = func() *template.Template {
	t := template.New("")
	err := fs.WalkDir(corpus, "pages", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := corpus.ReadFile(name)
		if err != nil {
			return err
		}
		_, err = t.New(strings.TrimPrefix(name, "pages/")).Parse(string(text))
		return err
	})
	if err != nil {
		panic(err)
	}
	return t
}()

// render fills in a file of the corpus.
func render(name string, v view) ([]byte, bool) {
	t := texts.Lookup(name)
	if t == nil {
		return nil, false
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		panic(err) // a fixture that cannot be filled in is a fault of the test
	}
	return b.Bytes(), true
}

var mimes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".png": "image/png",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".mp4": "video/mp4", ".mp3": "audio/mpeg", ".vtt": "text/vtt",
	".json": "application/json", ".txt": "text/plain; charset=utf-8", ".events": "text/event-stream",
	".xhtml": "application/xhtml+xml", ".xml": "application/xml", ".webmanifest": "application/manifest+json",
}

var dot, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

// partOf is what another site answers: a file of the corpus if there is one of
// that name, else the least thing of its kind.
func partOf(file, visit, kind string) ([]byte, string) {
	ext := path.Ext(file)
	mime := mimes[ext]
	if mime == "" {
		mime = "text/plain"
	}
	v := newView(visit, "", kind, 0)
	if text, ok := render("third/"+file, v); ok {
		return text, mime
	}
	switch ext {
	case ".png":
		return dot, mime
	case ".js":
		return []byte("/* a part from elsewhere */"), mime
	case ".css":
		return []byte(".elsewhere{}"), mime
	case ".html":
		return []byte("<!doctype html><title>elsewhere</title><p>A page from elsewhere."), mime
	case ".svg":
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" id="a"><path id="b" d="M0 0h1v1z"/></svg>`), mime
	case ".json", ".webmanifest":
		return []byte("{}"), mime
	case ".vtt":
		return []byte("WEBVTT\n"), mime
	case ".events":
		return []byte("data: elsewhere\n\n"), mime
	}
	return nil, mime
}
