package links

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// An anchor is a link of a page.
type anchor struct {
	to   *url.URL
	name string // what it is called by who hears the page
}

// read finds the links of a page. It does so with another parser than the one
// that labels, so that each can find the other's faults.
func read(at *url.URL, body []byte) (found []anchor) {
	z := html.NewTokenizer(bytes.NewReader(body))
	base := at
	var open *anchor
	var named, based bool // it has a name of its own; base was said
	end := func() {
		if open != nil {
			found = append(found, *open)
		}
		open, named = nil, false
	}
	for {
		switch z.Next() {
		case html.ErrorToken:
			end()
			return found
		case html.TextToken:
			if open != nil && !named {
				open.name += string(z.Text())
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "a" {
				end()
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.Data {
			case "base":
				if href, ok := attribute(t, "href"); ok && !based {
					based = true
					if u, err := at.Parse(strings.TrimSpace(href)); err == nil {
						base = u
					}
				}
			case "a", "area":
				end()
				open = anchorOf(t, base)
				if label, ok := attribute(t, "aria-label"); ok && open != nil && strings.TrimSpace(label) != "" {
					open.name, named = label, true // and nothing inside is heard
				}
				if t.Data == "area" {
					if alt, ok := attribute(t, "alt"); ok && open != nil && !named {
						open.name = alt
					}
					end()
				}
			default:
				if open != nil && !named {
					open.name += inner(t)
				}
			}
		}
	}
}

// inner is what an element in a link adds to its name.
func inner(t html.Token) string {
	for _, name := range []string{"aria-label", "alt"} {
		if text, ok := attribute(t, name); ok && (name != "alt" || t.Data == "img") {
			return " " + text + " "
		}
	}
	return ""
}

func anchorOf(t html.Token, base *url.URL) *anchor {
	href, ok := attribute(t, "href")
	if !ok {
		return nil
	}
	to, err := base.Parse(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return -1 // as browsers do (WHATWG URL, section 4.4)
		}
		return r
	}, strings.TrimSpace(href)))
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil
	}
	return &anchor{to: to}
}

func attribute(t html.Token, name string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
