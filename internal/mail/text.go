package mail

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// decode makes UTF-8 of b. A charset that is unknown or obviously not so is
// read as UTF-8 if it can be, else as what most such mail is in.
func decode(b []byte, charset string) string {
	enc := encodingOf(charset)
	if enc == nil && utf8.Valid(b) {
		return string(b)
	}
	if enc == nil {
		enc = charmap.Windows1252
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		out = b
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// encodingOf knows charsets by the names that browsers know, and those of IANA.
// Nil is none, or one that people claim without thinking.
func encodingOf(charset string) encoding.Encoding {
	charset = strings.ToLower(strings.Trim(charset, " \t\"'"))
	switch charset {
	case "", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "default":
		return nil
	case "utf-8", "utf8":
		return unicode.UTF8
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	enc, err := htmlindex.Get(charset)
	if err == nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err = ianaindex.MIME.Encoding(charset); err == nil && enc != encoding.Replacement {
		return enc // or nil
	}
	return nil
}

var words = mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(r)
	return strings.NewReader(decode(b, charset)), err
}}

// decodeWords decodes the encoded words of RFC 2047 in s.
func decodeWords(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 8<<10)], "")
	if out, err := words.DecodeHeader(s); err == nil {
		return oneLine(out)
	}
	return s
}

// oneLine makes a line of valid UTF-8 of s, without controls.
func oneLine(s string) string {
	if !utf8.ValidString(s) {
		s = decode([]byte(s), "")
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s))
}

// tidy makes text of s: lines that end in \n, and no controls.
func tidy(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\uFEFF':
			return -1
		}
		return r
	}, s)
}

// fromHTML writes what a reader of s sees, no more than about max bytes of it.
// Quotations are marked as in plain text, so that what somebody wrote can be
// told from what they answer to.
func fromHTML(s []byte, max int) string {
	p := &plainer{max: max}
	z := html.NewTokenizer(bytes.NewReader(s))
	for p.out.Len() < max {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(p.out.String())
		case html.TextToken:
			if !p.unseen {
				p.words(string(z.Text()))
			}
			p.unseen = false
		case html.StartTagToken, html.SelfClosingTagToken:
			p.tag(z, true)
		case html.EndTagToken:
			p.tag(z, false)
		}
	}
	return strings.TrimSpace(p.out.String())
}

type plainer struct {
	out    strings.Builder
	max    int
	lines  int  // line ends that are owed
	space  bool // a space is owed
	quoted int
	unseen bool // what comes next is not text
}

func (p *plainer) words(s string) {
	if s == "" {
		return
	}
	s = strings.ReplaceAll(s, "\u00a0", " ")
	p.space = p.space || isBlank(s[0])
	for i, word := range strings.Fields(s) {
		p.space = p.space || i > 0
		p.word(word)
	}
	p.space = p.space || isBlank(s[len(s)-1])
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (p *plainer) word(s string) {
	starts := p.out.Len() == 0 || p.lines > 0
	if p.out.Len() > 0 {
		p.out.WriteString("\n\n"[:p.lines])
	}
	if starts && p.quoted > 0 {
		p.out.WriteString("> ")
	} else if !starts && p.space {
		p.out.WriteByte(' ')
	}
	p.out.WriteString(s)
	p.lines, p.space = 0, false
}

func (p *plainer) tag(z *html.Tokenizer, opens bool) {
	raw, _ := z.TagName()
	name := atom.Lookup(raw)
	switch name {
	case atom.Script, atom.Style, atom.Title, atom.Iframe, atom.Noembed, atom.Noframes:
		p.unseen = opens
	case atom.Br:
		p.lines = min(2, p.lines+1)
	case atom.Blockquote:
		p.lines = max(1, p.lines)
		if opens {
			p.quoted++
		} else {
			p.quoted = max(0, p.quoted-1)
		}
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.Table, atom.Ul, atom.Ol, atom.Hr:
		p.lines = 2
	case atom.Div, atom.Tr, atom.Li, atom.H5, atom.H6, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Dt, atom.Dd, atom.Pre, atom.Form:
		p.lines = max(1, p.lines)
	case atom.Td, atom.Th, atom.Option, atom.Button:
		p.space = true
	}
}
