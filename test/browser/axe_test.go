package browser

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// axeSource is the accessibility rules of axe-core. What the page allows its
// own scripts does not matter: they come by the browser's developer tools.
var axeSource = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("%w\nto install axe-core, run: scripts/setup", err)
	}
	return string(text), nil
})

// axe wants the page to break none of the rules of axe-core, best practice
// included, nor the size of targets that WCAG 2.2 asks for.
func (v *visitor) axe(what string) {
	v.t.Helper()
	source, err := axeSource()
	v.must(err)
	if !eval[bool](v, "'axe' in window") {
		v.must(v.Evaluate(v.t.Context(), source+"; undefined", nil))
	}
	type node struct {
		Target         []any
		FailureSummary string
		HTML           string
	}
	found := eval[struct {
		Passes     int
		Violations []struct {
			ID, Impact, Help string
			Nodes            []node
		}
	}](v, `axe.run(document, {rules: {"target-size": {enabled: true}}})
		.then(r => ({passes: r.passes.length, violations: r.violations}))`)
	if found.Passes < 5 {
		v.t.Errorf("%s: axe found only %d rules to try", what, found.Passes)
	}
	for _, rule := range found.Violations {
		for _, n := range rule.Nodes {
			v.t.Errorf("%s: %s (%s): %s\n  %v %.160s\n  %s", what, rule.ID, rule.Impact, rule.Help, n.Target, n.HTML,
				strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
		}
	}
}
