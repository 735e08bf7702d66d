// Package harbour is the example site: the statement and the pages of an
// instrument maker who does not exist.
//
// The pages are what any small site has: they know nothing of avow except
// where its pages and forms are. Forms post to /f/ and the footer links to
// /privacy, both of which avow serves on the same origin.
package harbour

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Statement is the privacy statement of the site.
//
//go:embed statement.md
var Statement []byte

//go:embed site
var site embed.FS

// Site holds the templates, the style sheet and the drawings of the pages.
var Site fs.FS = sub(site, "site")

func sub(f fs.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil {
		panic(err) // dir is a constant above: no input can cause it
	}
	return s
}

// An Instrument is something the maker sells.
type Instrument struct {
	ID, Name, Price string
}

// Instruments are all that can go into a basket. Their names are the choices
// of the statement's instrument field.
var Instruments = []Instrument{
	{"tide-clock", "Tide clock", "£480"},
	{"marine-barometer", "Marine barometer", "£640"},
	{"pocket-sextant", "Pocket sextant", "£1,150"},
}

// A view is what a page is made of.
type view struct {
	Page string // the page's own name, for the navigation
	Elsewhere
	Basket []Instrument
}

// Elsewhere says from which origins, such as http://127.0.0.1:8081, the pages
// load what is not theirs. From "" they load nothing.
type Elsewhere struct {
	Maps    string // serves Maps
	Metrics string // serves Metrics
}

// Handler serves the pages.
func Handler(from Elsewhere) http.Handler {
	mux := http.NewServeMux()
	for _, name := range pages() {
		t := template.Must(template.ParseFS(Site, "layout.html", "pages/"+name+".html"))
		pattern := "GET /" + name
		if name == "home" {
			pattern = "GET /{$}"
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			show(w, http.StatusOK, t, view{name, from, basket(r)})
		})
	}
	mux.HandleFunc("POST /basket", changeBasket)
	files := http.FileServerFS(Site)
	mux.Handle("GET /style.css", files)
	mux.Handle("GET /art/", files)
	lost := template.Must(template.ParseFS(Site, "layout.html", "lost.html"))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		show(w, http.StatusNotFound, lost, view{"", from, basket(r)})
	})
	return mux
}

// pages lists the names of the pages, without their ending.
func pages() (names []string) {
	files, err := fs.Glob(Site, "pages/*.html")
	if err != nil {
		panic(err) // the pattern is a constant: no input can cause it
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".html"))
	}
	return names
}

// show writes a whole page or none: a template that fails halfway must not
// look like a page that ends early.
func show(w http.ResponseWriter, status int, t *template.Template, v view) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, fmt.Sprintf("page %s: %v", v.Page, err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// basketCookie is the one cookie of the site. The statement declares it.
const basketCookie = "basket"

// basket reads which instruments the visitor has put aside. What is not for
// sale is left out, so a cookie made up by someone else does no harm.
func basket(r *http.Request) (chosen []Instrument) {
	c, err := r.Cookie(basketCookie)
	if err != nil {
		return nil
	}
	ids := strings.Split(c.Value, ".")
	for _, i := range Instruments {
		if slices.Contains(ids, i.ID) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// changeBasket adds or removes one instrument. The basket lives in the cookie
// alone and ends with the browser's session; nothing is kept here.
func changeBasket(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	add, remove := r.PostFormValue("add"), r.PostFormValue("remove")
	was := basket(r)
	var ids []string
	for _, i := range Instruments {
		if i.ID == add || (slices.Contains(was, i) && i.ID != remove) {
			ids = append(ids, i.ID)
		}
	}
	c := http.Cookie{Name: basketCookie, Value: strings.Join(ids, "."), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if ids == nil {
		c.MaxAge = -1
	}
	http.SetCookie(w, &c)
	http.Redirect(w, r, "/basket", http.StatusSeeOther)
}
