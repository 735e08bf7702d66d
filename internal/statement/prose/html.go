package prose

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// A Printer says how the parts of a Document that are not CommonMark become
// HTML. What its functions return is not escaped again.
type Printer struct {
	Span  func(*Span) (before, after string)
	Table func(name string) string // a directive
	// Label is read out for tables written in Markdown, which have no caption.
	Label string
	// Out goes into links to sites other than these, behind their words.
	Out string
	Own []string
}

// HTML prints the document without its first heading of level one, which is the
// title. Raw HTML is text here, and no link runs a script.
func (d *Document) HTML(p Printer) []byte {
	out := &printed{Printer: p, plain: map[ast.NodeKind]renderer.NodeRendererFunc{}}
	r := renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(out, 100),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)), 200),
		util.Prioritized(html.NewRenderer(), 300)))
	var b bytes.Buffer
	if err := r.Render(&b, d.Body, d.Root); err != nil {
		panic(err) // a buffer takes everything, and nothing else fails
	}
	return b.Bytes()
}

type printed struct {
	Printer
	title ast.Node
	plain map[ast.NodeKind]renderer.NodeRendererFunc // how nodes are printed as a rule
}

// Register implements renderer.NodeRendererFuncRegisterer, to learn that rule.
func (p *printed) Register(kind ast.NodeKind, print renderer.NodeRendererFunc) { p.plain[kind] = print }

// RegisterFuncs implements renderer.NodeRenderer.
func (p *printed) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(KindSpan, p.span)
	r.Register(KindDirectives, p.directives)
	r.Register(ast.KindHeading, p.heading)
	r.Register(ast.KindImage, p.image)
	r.Register(extast.KindTable, p.table)
	if p.Out != "" {
		html.NewRenderer().RegisterFuncs(p)
		r.Register(ast.KindLink, p.link)
		r.Register(ast.KindAutoLink, p.autoLink)
	}
}

func (p *printed) link(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		w.WriteString(p.out(n.(*ast.Link).Destination))
	}
	return p.plain[ast.KindLink](w, source, n, entering)
}

func (p *printed) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	var b bytes.Buffer
	whole := bufio.NewWriter(&b)
	status, err := p.plain[ast.KindAutoLink](whole, source, n, entering)
	if err = errors.Join(err, whole.Flush()); err != nil {
		return status, err
	}
	if words, ok := bytes.CutSuffix(b.Bytes(), []byte("</a>")); ok {
		w.Write(words)
		w.WriteString(p.out(n.(*ast.AutoLink).URL(source)) + "</a>")
	}
	return status, nil
}

// out is what goes into a link to an address.
func (p *printed) out(address []byte) string {
	to, err := url.Parse(string(address))
	if err != nil || to.Host == "" || to.Scheme != "" && to.Scheme != "http" && to.Scheme != "https" {
		return ""
	}
	for _, site := range p.Own {
		if own, err := url.Parse(site); err == nil && strings.EqualFold(own.Host, to.Host) {
			return ""
		}
	}
	return p.Out
}

func (p *printed) span(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	before, after := p.Span(n.(*Span))
	if entering {
		w.WriteString(before)
	} else {
		w.WriteString(after)
	}
	return ast.WalkContinue, nil
}

func (p *printed) directives(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		for _, name := range n.(*Directives).Names {
			w.WriteString(p.Table(name))
		}
	}
	return ast.WalkSkipChildren, nil
}

func (p *printed) heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	h := n.(*ast.Heading)
	if h.Level == 1 && p.title == nil {
		p.title = h
	}
	if p.title == h {
		return ast.WalkSkipChildren, nil
	}
	id, _ := h.AttributeString("id")
	if entering {
		fmt.Fprintf(w, "<h%d id=\"%s\">", max(h.Level, 2), id)
	} else {
		fmt.Fprintf(w, "</h%d>\n", max(h.Level, 2))
	}
	return ast.WalkContinue, nil
}

// image prints the words that stand for a picture: one from elsewhere would
// tell others who reads the statement.
func (p *printed) image(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkContinue, nil
}

func (p *printed) table(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		w.WriteString(Region(p.Label) + "<table>\n")
	} else {
		w.WriteString("</table></div>\n")
	}
	return ast.WalkContinue, nil
}

// Region opens a part of the page that scrolls by itself, also by keyboard.
func Region(label string) string {
	return `<div class="scroll" role="region" tabindex="0" aria-label="` + escape(label) + `">`
}

func escape(s string) string { return string(util.EscapeHTML([]byte(s))) }

// A Table is what a directive prints. The first cell of a row is its name.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// HTML prints the table, or that there is nothing in it.
func (t Table) HTML(nothing string) string {
	if t.Rows == nil {
		return "<p>" + escape(t.Caption+": "+nothing) + "</p>\n"
	}
	var b strings.Builder
	b.WriteString(Region(t.Caption) + "<table>\n<caption>" + escape(t.Caption) + "</caption>\n<thead><tr>")
	for _, h := range t.Head {
		b.WriteString(`<th scope="col">` + escape(h) + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		b.WriteString(`<tr><th scope="row">` + escape(row[0]) + "</th>")
		for _, text := range row[1:] {
			b.WriteString("<td>" + escape(text) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}
