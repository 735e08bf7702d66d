// Package page gives every page its common look.
//
// One stylesheet, one layout, no script unless a page cannot do without, and
// nothing from anywhere else. A section brings its own templates, each of which
// defines "main"; this package puts the frame around them, sets the security
// headers and turns errors into pages that say what to do.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed frame.html error.html
var frames embed.FS

//go:embed style.css verify.js mark.svg
var assets embed.FS

// Base is the path under which the public pages live.
const Base = "/privacy"

// A Frame is what the frame around each page says.
type Frame struct {
	Organisation string
	Home         string // where the organisation's own site is
	Language     string // BCP 47 tag of the statement's prose

	// What the statement has pages of.
	Choices, Links, Popular, Recipients, Elsewhere bool
}

// Pages renders pages in their common frame.
type Pages struct {
	frame  func() Frame
	log    *slog.Logger
	assets map[string]asset
	base   *template.Template
	errors *Set
}

type asset struct {
	body []byte
	hash string
	kind string
}

// New returns Pages whose frame is asked for anew for each page, so that a
// newly published statement shows at once.
func New(frame func() Frame, log *slog.Logger) *Pages {
	p := &Pages{frame: frame, log: log, assets: map[string]asset{}}
	for name, kind := range map[string]string{
		"style.css": "text/css; charset=utf-8", "verify.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml",
	} {
		body, err := assets.ReadFile(name)
		if err != nil {
			panic(err) // embedded above
		}
		sum := sha256.Sum256(body)
		p.assets[name] = asset{body, hex.EncodeToString(sum[:6]), kind}
	}
	p.base = template.Must(template.New("").Funcs(funcs).Funcs(template.FuncMap{"asset": p.assetPath}).ParseFS(frames, "frame.html"))
	p.errors = p.Parse(frames, "error.html")
	return p
}

// assetPath names an asset together with its hash, so that it can be cached
// for ever and still never be stale.
func (p *Pages) assetPath(name string) string {
	return Base + "/assets/" + p.assets[name].hash + "/" + name
}

// A Set is the pages of one section.
type Set struct {
	pages *Pages
	named map[string]*template.Template
}

// Parse reads templates, each a page that defines "main". One whose name begins
// with _ is no page, but a part that all of them may use. A template that does
// not parse is a fault of the program and panics.
func (p *Pages) Parse(files fs.FS, names ...string) *Set {
	s := &Set{p, map[string]*template.Template{}}
	shared := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name[0] != '_' })
	for _, name := range names {
		s.named[name] = template.Must(template.Must(p.base.Clone()).ParseFS(files, append(shared, name)...))
	}
	return s
}

// A View is one page to be shown.
type View struct {
	Status int    // 200 unless set
	Title  string // of the window and of the page
	Here   string // which entry of the navigation is this page's
	Robots string // set to noindex for a page about one person
	Script string // an asset to load as a module, if any
	Inside bool   // on the private address, where the public pages are not
	Feed   bool   // whether the page has the changes feed as its companion
	Data   any    // for the template
}

type framed struct {
	Frame
	View
	Base string
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Write shows one page. It is complete or it is an error: never half a page.
func (s *Set) Write(w http.ResponseWriter, _ *http.Request, name string, v View) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer buffers.Put(buf)
	if err := s.render(buf, name, v); err != nil {
		return err
	}
	return send(w, cmp.Or(v.Status, http.StatusOK), buf.Bytes())
}

func (s *Set) render(buf *bytes.Buffer, name string, v View) error {
	if err := s.named[name].ExecuteTemplate(buf, "frame", framed{s.pages.frame(), v, Base}); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	return nil
}

// Fragment renders the "main" of a page alone, to stand in another page.
func (s *Set) Fragment(name string, data any) (HTML, error) {
	var buf bytes.Buffer
	if err := s.named[name].ExecuteTemplate(&buf, "main", View{Data: data}); err != nil {
		return "", fmt.Errorf("part %s: %w", name, err)
	}
	return template.HTML(buf.String()), nil
}

// A Print is a page that was rendered once, to be shown many times.
type Print struct {
	body []byte
	tag  string
}

// Print renders a page whose data will not change.
func (s *Set) Print(name string, v View) (*Print, error) {
	var buf bytes.Buffer
	if err := s.render(&buf, name, v); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(buf.Bytes())
	return &Print{buf.Bytes(), `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// Write shows p, unless the visitor has it already (RFC 9110, section 13.1.2).
func (p *Print) Write(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", p.tag)
	if r.Header.Get("If-None-Match") == p.tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return send(w, http.StatusOK, p.body)
}

func send(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return gone{err}
	}
	return nil
}

// gone is the visitor leaving before the page was through: nobody's fault.
type gone struct{ error }

// Trusted marks HTML that this program made itself, from a statement whose raw
// HTML was refused, as safe to show. Nothing a visitor sent ever comes here.
func Trusted(html []byte) HTML { return template.HTML(html) }

// HTML is what a template may show as it is. Only Trusted makes it.
type HTML = template.HTML

// Assets serves the stylesheet, the script and the mark.
func (p *Pages) Assets() []Route {
	return []Route{{"GET " + Base + "/assets/{hash}/{name}", "", func(w http.ResponseWriter, r *http.Request) error {
		a, ok := p.assets[r.PathValue("name")]
		if !ok {
			return NotFound
		}
		w.Header().Set("Content-Type", a.kind)
		if r.PathValue("hash") == a.hash {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		_, _ = w.Write(a.body)
		return nil
	}}}
}

// WriteJSON answers with v as indented JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
	return nil
}

// WantsJSON says whether the caller asked for JSON rather than a page, or is a
// program that speaks to the API.
func WantsJSON(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		return true
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}
