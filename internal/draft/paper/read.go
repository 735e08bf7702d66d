// Package paper reads the text of a policy out of whatever file it came in.
//
// A policy comes as text, as Markdown or as a page saved from a site, in any
// usual encoding. What comes out are its blocks, each with the line of the file
// where it stands: only the policy, without what surrounds it on a page.
package paper

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// MaxSource is how large a file may be: a policy is some pages of text, but a
// saved page carries scripts and pictures too.
const MaxSource = 16 << 20

// Limits on the text that is found. They are far above any policy, and so low
// that the statement drafted from it is not too large to compile.
const (
	maxText   = 400 << 10
	maxBlocks = 8_000
	maxWord   = 3_000
)

var (
	errEmpty  = errors.New("there is no text in it")
	errBinary = errors.New("it is not text: save the policy as .txt, .md or .html")
	errAvow   = errors.New("it is a statement of avow already: run avow check on it")
	errWord   = fmt.Errorf("it holds a word of more than %d letters, which is no text: save the policy alone", maxWord)
	errLong   = errors.New("it holds more text than any policy: save the policy alone")
)

// A Document is a file as it was read: its text in blocks, and what the file
// says about itself outside the text.
type Document struct {
	Blocks []Block
	Title  string // <title>, or title: in front matter
	Lang   string // as the file claims
	URL    string // where the file was saved from
	Site   string // the name of the site, as the file claims
}

// Read finds the text in src. The name of the file is a hint of its format; its
// content decides. It takes time in proportion to the length of src.
func Read(name string, src []byte) (*Document, error) {
	if len(src) > MaxSource {
		return nil, fmt.Errorf("it is larger than %d MB: save the policy's text alone", MaxSource>>20)
	}
	text, err := decode(src)
	if err != nil {
		return nil, err
	}
	var doc *Document
	switch {
	case looksLikeHTML(name, text):
		doc, err = readHTML(text)
	case len(text) > 4*maxText:
		return nil, errLong
	default:
		doc, err = readText(text, looksLikeMarkdown(name, text))
	}
	if err != nil {
		return nil, err
	}
	doc.Blocks = headings(doc.Blocks)
	return doc, doc.check()
}

func (d *Document) check() error {
	size, word := 0, 0
	for _, b := range d.Blocks {
		size += len(b.Text())
		for _, w := range strings.Fields(b.Text()) {
			word = max(word, len(w))
		}
	}
	switch {
	case size == 0:
		return errEmpty
	case size > maxText, len(d.Blocks) > maxBlocks:
		return errLong
	case word > maxWord:
		return errWord
	}
	return nil
}

// decode returns src as clean UTF-8. Text that is valid UTF-8 is taken as such
// whatever a page claims: a page is often converted when it is saved.
func decode(src []byte) (string, error) {
	switch {
	case bytes.HasPrefix(src, []byte("%PDF-")), bytes.HasPrefix(src, []byte("PK\x03\x04")),
		bytes.HasPrefix(src, []byte(`{\rtf`)), bytes.HasPrefix(src, []byte("\xd0\xcf\x11\xe0")):
		return "", errBinary
	case bytes.HasPrefix(src, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(src, []byte("\x00\x00\xfe\xff")):
		src, _, _ = transform.Bytes(utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder(), src)
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")), !utf8.Valid(src):
		src = toUTF8(src)
	}
	text := norm.NFC.String(strings.ReplaceAll(strings.ToValidUTF8(string(src), "\ufffd"), "\r\n", "\n"))
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r", "\n")
	odd := 0
	for _, r := range text {
		if r == 0 || r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune("\t\n\f\v\u0085", r) {
			odd++
		}
	}
	if odd > len(text)/100 {
		return "", errBinary
	}
	return strings.Map(printable, text), nil
}

func toUTF8(src []byte) []byte {
	e, name, _ := charset.DetermineEncoding(src, "")
	if name == "utf-8" { // which it is not
		e = charmap.Windows1252
	}
	out, _, err := transform.Bytes(e.NewDecoder(), src)
	if err != nil {
		return src
	}
	return out
}

// printable drops what no reader sees, and makes every space but the end of a
// line one space.
func printable(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\t', r == '\u2028', unicode.Is(unicode.Zs, r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}

var (
	reTagged   = regexp.MustCompile(`(?i)<(?:p|h[1-6]|li|br|div|td|strong|span|section)(?:\s[^<>]{0,200})?/?>`)
	reDocument = regexp.MustCompile(`(?i)<(?:!doctype html|html|head|body)[\s>]`)
	reAnyTag   = regexp.MustCompile(`<[a-zA-Z][^<>]*>`)
	reMarkdown = regexp.MustCompile(`(?m)^#{1,6} \S|^\*\*\S.*\*\*|\]\((?:https?:|mailto:)|\*\*_\S|^\[[^\]\n]+\]: *http`)
)

func looksLikeHTML(name, text string) bool {
	head := text[:min(len(text), 64<<10)]
	if reDocument.MatchString(head) {
		return true
	}
	tags := len(reTagged.FindAllStringIndex(head, 400))
	ext := strings.ToLower(filepath.Ext(name))
	if ext == ".html" || ext == ".htm" || ext == ".xhtml" {
		return tags > 0 || reAnyTag.MatchString(head)
	}
	return tags >= 4 && tags > len(head)/1500
}

func looksLikeMarkdown(name, text string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".md" || ext == ".markdown" || reMarkdown.MatchString(text)
}
