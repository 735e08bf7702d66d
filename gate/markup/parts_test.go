package markup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// marked turns [src= into what makes src inert; the rows are easier to read so.
func marked(rows []row) []row {
	for i := range rows {
		rows[i].in, rows[i].out = strings.ReplaceAll(rows[i].in, "~", ""), strings.ReplaceAll(rows[i].in, "~", inert)+rows[i].out
	}
	return rows
}

// TestParts: what is after a ~ is made inert, all else stays as it was.
func TestParts(t *testing.T) {
	check(t, rules, marked([]row{
		{in: `<script ~src="https://bad.example/x.js"></script>`},
		{in: `<script src="https://ok.example/x.js"></script><script ~src="https://wait.example/x.js"></script>`},
		{in: `<script src="https://us.example/x.js"></script><script src=/x.js></script><script src=x.js></script>`},
		{in: `<img alt="" ~src=https://bad.example/x.png class=a>`},
		{in: `<IMG ~SRC=HTTPS://BAD.EXAMPLE>`},
		{in: `<img src=/x ~srcset="/x 1x, https://bad.example/x 2x">`},
		{in: `<img srcset="/x 1x, https://ok.example/x 2x,/y x(a, //bad.example) 3x">`},
		{in: `<img ~srcset="//bad.example/x,, /y">`},
		{in: `<img src=data:image/png;base64,AAAA>`},
		{in: `<image ~src=//bad.example>`},
		{in: `<picture><source ~srcset=//bad.example/x><img src=/x></picture>`},
		{in: `<video ~src=//bad.example hidden ~poster=//bad.example/p></video>`},
		{in: `<audio ~src=//bad.example></audio><audio><source ~src=//bad.example><track ~src=//bad.example></audio>`},
		{in: `<iframe hidden ~src=//bad.example></iframe>`},
		{in: `<frameset><frame ~src=//bad.example></frameset>`},
		{in: `<embed hidden ~src=//bad.example>`},
		{in: `<object hidden ~data=//bad.example ~codebase=//bad.example></object>`},
		{in: `<object data=/x><param name=movie ~value=//bad.example><param name=color value=//bad.example></object>`},
		{in: `<link rel=stylesheet ~href=//bad.example>`},
		{in: `<link ~href=//bad.example rel="shortcut ICON">`},
		{in: `<link rel="alternate stylesheet" ~href=//bad.example>`},
		{in: `<link rel=preload as=image ~imagesrcset="//bad.example 1x" href=/x>`},
		{in: `<link rel=modulepreload ~href=//bad.example><link rel=prefetch ~href=//bad.example><link rel=preconnect ~href=//bad.example>`},
		{in: `<link rel=dns-prefetch ~href=//bad.example><link rel=prerender ~href=//bad.example><link rel=manifest ~href=//bad.example>`},
		{in: `<link rel=apple-touch-icon-precomposed ~href=//bad.example><link rel=mask-icon ~href=//bad.example>`},
		{in: `<link rel=canonical href=//bad.example><link rel="alternate" href=//bad.example><link rel=author href=//bad.example>`},
		{in: `<link rel=license href=//bad.example><link rel=me href=//bad.example><link href=//bad.example>`},
		{in: `<input type=IMAGE ~src=//bad.example><input type=text src=//bad.example>`},
		{in: `<svg><image ~href=//bad.example /><image ~xlink:href=//bad.example /><use ~href=//bad.example#a /></svg>`},
		{in: `<svg><filter><feImage ~href=//bad.example /></filter><script ~href=//bad.example /></svg>`},
		{in: `<svg><image><animate attributeName=href ~values="/x;//bad.example"/><set ~to=//bad.example /></image></svg>`},
		{in: `<body ~background=//bad.example><table ~background=//bad.example><tr><td ~background=//bad.example>x</table>`},
		{in: `<a ~ping="/x //bad.example" href=/x>x</a>`},
		{in: `<img src=/x ~attributionsrc=//bad.example>`},
		{in: `<form action=//bad.example><button formaction=//bad.example></button></form>`},
		{in: `<meta http-equiv=refresh ~content="0; url=https://bad.example">`},
		{in: `<meta ~content="5;URL='//wait.example'" http-equiv=Refresh><meta content="5;URL='//ok.example'" http-equiv=Refresh>`},
		{in: `<meta http-equiv=refresh ~content="0,//bad.example"><meta http-equiv=refresh content="5"><meta http-equiv=refresh content="0;/x">`},
		{in: `<meta name=description content="0;url=//bad.example">`},
		{in: `<img ~src=//bad.example src=/x><img src=/x src=//bad.example><img ~src=//bad.example ~src=//wait.example>`},
		{in: `<p class=x title="<img src=//bad.example>">a < b && c > d</p>`},
		{in: `<custom-element src=//bad.example></custom-element>`},
		{in: `<noscript><img ~src=//bad.example></noscript><template><img ~src=//bad.example></template>`},
	}))
}

func TestAddresses(t *testing.T) {
	check(t, rules, marked([]row{
		{in: `<img ~src=&#104;ttps://bad.example><img ~src=&#x68;ttps&colon;&sol;&sol;bad.example><img ~src='&#104ttps://bad.example'>`},
		{in: "<img ~src='h\nt\ttps:/\r/bad.example'><img ~src=' \x01 https://bad.example '>"},
		{in: `<img ~src=https:\\bad.example><img ~src=\\bad.example><img ~src=/\bad.example><img ~src=///bad.example>`},
		{in: `<img src=https:bad.example><img src=https:/bad.example><img ~src=http:bad.example><img ~src=http:/bad.example>`},
		{in: `<img ~src=https://us.example@bad.example/><img ~src=https://us.example:80@bad.example><img ~src=https://us.example.bad.example>`},
		{in: `<img src=https://us.example:443/><img src=https://US.example><img src=https://%75s.example/><img ~src=https://us.example:444/>`},
		{in: `<img src=https://also.example><img src=http://ok.example:80/><img ~src=ftp://bad.example><img ~src=wss://bad.example>`},
		{in: `<img src=javascript:x><img src=blob:https://bad.example/x><img src=about:blank><img src=><img src><img src="//">`},
		{in: `<img src="?u=https://bad.example"><img src="#//bad.example"><img src="x//bad.example"><img src=./https://bad.example>`},
		{in: "<img ~src='/&Tab;/bad.example'><img ~src='&NewLine;//bad.example'><img src='&amp;//bad.example'>"},
		{in: "<img src='\x00https://bad.example'>"},
		{in: `<img ~src=https://&#98;ad.example?a=b&copy=1&lt=2>`},
		{in: `<base href=https://bad.example/a/b><img ~src=x.png><img src=https://us.example/x><img ~src=/x>`},
		{in: `<base href=https://ok.example/><img src=x.png>`},
		{in: `<base target=_blank><base href=/x/><base href=//bad.example><img src=x>`},
		{in: `<img src=x><base ~href=//bad.example><img src=x>`},
		{in: `<template><base ~href=//bad.example></template><base href=/><img src=x>`},
		{in: `<base href=http://ok.example/><img ~src=https:bad.example><img src=http:bad.example>`},
	}))
}

func TestTokens(t *testing.T) {
	check(t, rules, marked([]row{
		{in: `<img/~src=//bad.example/x><img /alt=x/ ~src=//bad.example><img//~src=//bad.example>`},
		{in: "<img\n~src\t=\f'//bad.example'\r><img\t~src=\n\"//bad.example\"alt=x>"},
		{in: `<img alt="x"~src=//bad.example><img alt='>' ~src=//bad.example><img alt=a"b ~src=//bad.example>`},
		{in: `<img =src=//bad.example><img src= ><img ~src = //bad.example>`},
		{in: "<img src\x00=//bad.example><im\x00g src=//bad.example><img\x00 src=//bad.example>"},
		{in: `<!-- <img src=//bad.example> --><img ~src=//bad.example>`},
		{in: `<!--><img ~src=//bad.example>--><!---><img ~src=//bad.example>--><!----><img ~src=//bad.example>`},
		{in: `<!-- --!><img ~src=//bad.example><!--!><img src=//bad.example>--><!-- -- ><img src=//bad.example>-->`},
		{in: `<!---!><img src=//bad.example>--><!----!><img ~src=//bad.example>`},
		{in: `<!doctype html "><img ~src=//bad.example>"><!x><?x ?><img ~src=//bad.example></ x><img ~src=//bad.example></>`},
		{in: `<script>if (a < b) "<img src=//bad.example>"</script><img ~src=//bad.example>`},
		{in: `<script><!-- <script> </script> <img src=//bad.example> --></script><img ~src=//bad.example>`},
		{in: `<script><!-- </script><img ~src=//bad.example>`},
		{in: `<script><!--<<script></script><img src=//bad.example></script><img ~src=//bad.example>`},
		{in: `<script><!--><script></script><img ~src=//bad.example>`},
		{in: `<script><!-- <scriptx> </script><img ~src=//bad.example>`},
		{in: `<script></scriptx><img src=//bad.example></SCRIPT/><img ~src=//bad.example>`},
		{in: `<style><img src=//bad.example></style ><img ~src=//bad.example>`},
		{in: `<textarea><img src=//bad.example></textarea><title><img src=//bad.example></title><xmp><img src=//bad.example></xmp>`},
		{in: `<iframe><img src=//bad.example></iframe><noembed><img src=//bad.example></noembed><noframes><img src=//bad.example></noframes>`},
		{in: `<plaintext></plaintext><img src=//bad.example>`},
		{in: `<![CDATA[<img src=//bad.example>]]><![CDATA[><img ~src=//bad.example>]]>`},
		{in: `<svg><![CDATA[<img src=//bad.example>]]><image ~href=//bad.example /></svg><![CDATA[><img ~src=//bad.example>`},
		{in: `<svg><style><img ~src=//bad.example></style></svg>`},
		{in: `<svg><title><style><img src=//bad.example></style></title><style><img ~src=//bad.example></style></svg>`},
		{in: `<svg><foreignObject><div><style><img src=//bad.example></style></div></foreignObject><style><img ~src=//bad.example></style></svg>`},
		{in: `<math><mi><style><img src=//bad.example></style></mi><style><img ~src=//bad.example></style></math>`},
		{in: `<svg></svg><style><img src=//bad.example></style>`},
		{in: `<svg/><style><img src=//bad.example></style><svg><p><style><img src=//bad.example></style>`},
		{in: `<img src=//bad.example`},
		{in: `<`}, {in: `</`}, {in: `<!`}, {in: `<!-`}, {in: `<!--`}, {in: `<![CDATA`}, {in: `a<b`}, {in: `<svg><![CDATA[x]]`},
		{in: "\xff\xfe<\x00i\x00m\x00g\x00 src=//bad.example>"},
		{in: "\xfe\xff\x00<img src=//bad.example>"}, {in: "\xef\xbb\xbf<img ~src=//bad.example>"}, {in: "\xef\xbb"}, {in: "\xff"},
		{in: "<p>\x93caf\xe9\x94</p><img alt=\xe9 ~src=//bad.example>"},
	}))
}

// TestDoubt: where browsers may read it in two ways, both come to the same.
func TestDoubt(t *testing.T) {
	check(t, rules, []row{
		{`<svg></p></div><style>x</style>`, ``}, // the end tag of a paragraph leaves the drawing
		{`<svg></div><style><img src=//bad.example></style>`, `<svg></div><b></b><style><img src=//bad.example></style>`},
		{`<svg></div><![CDATA[><img src=//bad.example>]]>`, `<svg></div><!_CDATA[><img data-avow-src=//bad.example>]]>`},
		{`<svg></div><div><style></style>`, ``},
		{`<svg><p></p><style><img src=//bad.example></style>`, ``},
		{`<math><mtext><mglyph><style><img src=//bad.example></style>`, `<math><mtext><mglyph><b></b><style><img src=//bad.example></style>`},
		{`<td><svg><desc><td></td></desc><style><img src=//bad.example></style>`, `<td><svg><desc><td></td></desc><b></b><style><img src=//bad.example></style>`},
		{`<select><style><input type=image src=//bad.example></style>`, `<select></select><style><input type=image src=//bad.example></style>`},
		{`<select><option>x</select><style>x</style>`, ``},
		{`<noscript><!-- </noscript><img src=//bad.example> -->`, `<noscript><!-- --></noscript><img data-avow-src=//bad.example> -->`},
		{`<noscript><style></noscript><img src=//bad.example></style>`, `<noscript><style></style></noscript><img data-avow-src=//bad.example></style>`},
		{`<noscript><p title="</noscript><img src=//bad.example>">x</noscript>`, `<noscript><p title="<_noscript><img src=//bad.example>">x</noscript>`},
		{`<noscript><script><!--<script></noscript>x`, `<noscript><script><!--<script>--></script></noscript>x`},
		{`<noscript><plaintext></noscript>x`, `<noscript>&lt;plaintext></noscript>x`},
		{`<frameset><style><frame src=//bad.example></style></frameset>`, `<frameset><style>_frame src=//bad.example></style></frameset>`},
		{`<template><col><style></template><img src=//bad.example></style>`, `<template><col><style>_/template><img src=//bad.example></style>`},
	})
}

func TestLinks(t *testing.T) {
	check(t, rules, []row{
		{`<a href=https://bad.example>x</a>`, `<a href=https://bad.example>x[out]</a>`},
		{`<a href=//ok.example><img src=/x alt=x></A >`, `<a href=//ok.example><img src=/x alt=x>[out]</A >`},
		{`<a href=/x>x</a> <a href="#x">y</a> <a href=https://us.example>z</a> <a>z</a> <a href=//also.example>z</a>`, ``},
		{`<a href=mailto:a@bad.example>x</a><a href=tel:1>x</a><a href="javascript:'//bad.example'">x</a>`, ``},
		{`<a href=//bad.example download>x</a>`, ``},
		{`<a href=//bad.example>x<a href=/y>y</a>`, ``},
		{`<a href=//bad.example>x`, ``},
		{`<a href=/x>x</a></a><a href=//bad.example>x</p></a></a>`, `<a href=/x>x</a></a><a href=//bad.example>x</p>[out]</a></a>`},
		{`<svg><a href=//bad.example><text>x</text></a></svg>`, `<svg><a href=//bad.example><text>x</text><title>out</title></a></svg>`},
		{`<svg><a xlink:href=//bad.example>x</a></svg>`, `<svg><a xlink:href=//bad.example>x<title>out</title></a></svg>`},
		{`<a href=//bad.example><svg><path d=x /></svg></a>`, `<a href=//bad.example><svg><path d=x /></svg>[out]</a>`},
		{`<area href=//bad.example alt="x">`, `<area href=//bad.example alt="xout">`},
		{`<area alt=x href=//bad.example>`, `<area alt="xout" href=//bad.example>`},
		{`<area href=//bad.example>`, `<area alt="out" href=//bad.example>`},
		{`<area alt=x aria-label='y' href=//bad.example>`, `<area alt=x aria-label='yout' href=//bad.example>`},
		{`<base href=//bad.example/a/><a href=x>x</a>`, `<base href=//bad.example/a/><a href=x>x[out]</a>`},
		{`<!-- <a href=//bad.example>x</a> --><textarea><a href=//bad.example>x</a></textarea>`, ``},
	})
	hop := func() *Rules {
		r := rules()
		r.Label, r.Hop = nil, func(dst, url []byte) []byte { return fmt.Appendf(dst, "/o?'\"&to=%s", url) }
		return r
	}
	check(t, hop, []row{
		{`<a href="https://bad.example/?a=1&amp;b=2">x</a>`, `<a href="/o?&#39;&#34;&amp;to=https://bad.example/?a=1&amp;b=2">x</a>`},
		{`<a href='//BAD.example' class=x>x</a>`, `<a href='/o?&#39;&#34;&amp;to=https://bad.example' class=x>x</a>`},
		{`<a href=https://bad.example/x>x</a>`, `<a href="/o?&#39;&#34;&amp;to=https://bad.example/x">x</a>`},
		{`<a href=http:\bad.example\x>x</a>`, `<a href="/o?&#39;&#34;&amp;to=http://bad.example\x">x</a>`},
		{`<a href=/x>x</a>`, ``},
		{`<base href=http://bad.example/a/b?c><a href=d>x</a>`, `<base href=http://bad.example/a/b?c><a href="/o?&#39;&#34;&amp;to=http://bad.example/a/d">x</a>`},
		{`<base href=http://bad.example/a/b?c><a href=?d>x</a>`, `<base href=http://bad.example/a/b?c><a href="/o?&#39;&#34;&amp;to=http://bad.example/a/b?d">x</a>`},
		{`<base href=http://bad.example><a href=d>x</a>`, `<base href=http://bad.example><a href="/o?&#39;&#34;&amp;to=http://bad.example/d">x</a>`},
	})
}

func TestDocumentsInAttributes(t *testing.T) {
	check(t, rules, []row{
		{`<iframe srcdoc="<img src=/x>&lt;img src=/y&gt;"></iframe>`, ``},
		{`<iframe srcdoc="&lt;img src=//bad.example&gt;&amp;amp;'"></iframe>`, `<iframe srcdoc="&lt;img data-avow-src=//bad.example>&amp;amp;&#39;"></iframe>`},
		{`<iframe srcdoc='<iframe srcdoc="<img src=//bad.example>">'></iframe>`, `<iframe srcdoc='&lt;iframe srcdoc=&#34;&amp;lt;img data-avow-src=//bad.example>&#34;>'></iframe>`},
		{`<iframe srcdoc=<img/src=//bad.example>x</iframe>`, ``},
		{`<base href=//bad.example><iframe srcdoc="<img src=x>"></iframe>`, `<base href=//bad.example><iframe srcdoc="&lt;img data-avow-src=x>"></iframe>`},
	})
}

func TestPlaceholders(t *testing.T) {
	check(t, func() *Rules {
		r := rules()
		r.Placeholder = func(dst []byte, f Found) []byte {
			return fmt.Appendf(dst, "[%s %s %s %d]", f.Element, f.Attr, f.Host, f.Verdict)
		}
		return r
	}, []row{
		{`<iframe src=//wait.example/x></iframe>`, `[iframe src wait.example 2]<iframe hidden data-avow-src=//wait.example/x></iframe>`},
		{`<video src=//bad.example:81></video>`, `[video src bad.example:81 3]<video hidden data-avow-src=//bad.example:81></video>`},
		{`<iframe src=//wait.example hidden></iframe>`, `<iframe data-avow-src=//wait.example hidden></iframe>`},
		{`<iframe style="display:none" src=//wait.example></iframe>`, `<iframe style="display:none" data-avow-src=//wait.example></iframe>`},
		{`<img src=//wait.example>`, `<img data-avow-src=//wait.example>`},
		{`<iframe src=//ok.example></iframe>`, ``},
	})
}

// TestFound: everything that names another site is told of, once, in whatever pieces the page comes.
func TestFound(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`<img src=//bad.example srcset="//wait.example 1x">`, `img src bad.example 3 inert, img srcset wait.example 2 inert`},
		{`<script src=//ok.example></script><a href=//ok.example>x</a>`, `script src ok.example 1, a href ok.example 1 link`},
		{`<form action=//bad.example>`, `form action bad.example 3`},
		{`<p style="background:url(https://bad.example/x)">`, `p style bad.example 3`},
		{`<x-y style="background:url('//bad.example')">`, `x-y style bad.example 3`},
		{`<svg><rect fill="url(//bad.example#x)"/></svg>`, `rect paint bad.example 3`},
		{`<style>/* https://no.example */ @import "//wait.example/x"; a{b:url( https://bad.example )}</style>`, `style  wait.example 2, style  bad.example 3`},
		{`<style>a{b:url(/x)}</style><style>@import url(HTTPS://BAD.example`, `style  bad.example 3`},
		{`<script type=speculationrules>{"prefetch":[{"urls":["https://bad.example/x"]}]}</script>`, `script  bad.example 3`},
		{`<script>"https://bad.example/x"</script>`, ``},
		{`<meta http-equiv=refresh content="0;//ok.example">`, `meta content ok.example 1 link`},
	} {
		for _, size := range []int{1, 2, 5, 1000} {
			var got []string
			r := rules()
			r.Found = func(f Found) {
				s := fmt.Sprint(f.Element, " ", f.Attr, " ", f.Host, " ", f.Verdict)
				if f.Link {
					s += " link"
				}
				if f.Inert {
					s += " inert"
				}
				got = append(got, s)
			}
			through(t, r, c.in, size)
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%s (%d bytes at a time)\nfound   %s\ninstead %s", c.in, size, s, c.want)
			}
		}
	}
}

func TestPolicy(t *testing.T) {
	var told []string
	r := rules()
	r.Policy = func(p []byte) { told = append(told, string(p)) }
	through(t, r, `<meta http-equiv="Content-Security-Policy" content="default-src &#39;self&#39;"><meta http-equiv=x content=y>`, 9)
	if !slices.Equal(told, []string{"default-src 'self'"}) {
		t.Error(told)
	}
}
