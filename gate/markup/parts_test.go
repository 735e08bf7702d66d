package markup

import "testing"

func TestParts(t *testing.T) {
	check(t, rules, []row{
		{`<img src="https://bad.example/x.png" alt=x>`, `<img data-avow-src="https://bad.example/x.png" alt=x>`},
		{`<script src=//bad.example></script>`, `<script data-avow-src=//bad.example></script>`},
		{`<script src=//ok.example></script>`, ``},
		{`<a href=https://bad.example>x</a>`, `<a href=https://bad.example>x[out]</a>`},
	})
}
