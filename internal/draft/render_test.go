package draft_test

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

var (
	reBraces    = regexp.MustCompile(`\]\{[^{}]*\}`)
	reDirective = regexp.MustCompile(`(?m)^\{\{[a-z]+\}\}$`)
)

// rendered is the text that a reader of the statement sees, by another Markdown
// reader than the compiler's: marks and tables are taken out first.
func rendered(src []byte) string {
	_, body, _ := bytes.Cut(src[4:], []byte("\n---\n"))
	plain := reDirective.ReplaceAllString(string(body), "")
	plain = reBraces.ReplaceAllString(plain, "]")
	source := []byte(plain)
	var b strings.Builder
	ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(unescape(t.Segment.Value(source)))
			if t.SoftLineBreak() {
				b.WriteByte('\n')
			}
		}
		if !entering && n.Type() == ast.TypeBlock {
			b.WriteByte('\n')
		}
		return ast.WalkContinue, nil
	})
	return strings.NewReplacer("[", "", "]", "", "&amp;", "&").Replace(b.String())
}

func unescape(s []byte) []byte {
	return regexp.MustCompile(`\\([[:punct:]])`).ReplaceAll(s, []byte("$1"))
}
