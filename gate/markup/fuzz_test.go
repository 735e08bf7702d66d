package markup

import (
	"regexp"
	"strings"
	"testing"

	parser "golang.org/x/net/html"
)

// words are what the picks of the fuzzer stand for: what makes parsers differ.
var words = strings.Split(`<svg>|</svg>|<math>|</math>|<foreignObject>|</foreignObject>|<desc>|</desc>|<title>|</title>|<mtext>|</mtext>|<mi>|<mglyph>|`+
	`<annotation-xml>|</annotation-xml>|<annotation-xml encoding="text/html">|<style>|</style>|<script>|</script>|<textarea>|</textarea>|<xmp>|</xmp>|`+
	`<iframe>|</iframe>|<noembed>|</noembed>|<noframes>|</noframes>|<plaintext>|<noscript>|</noscript>|<template>|</template>|<select>|</select>|`+
	`<option>|<input>|<table>|</table>|<tr>|<td>|</td>|<col>|<colgroup>|<caption>|</caption>|<p>|</p>|<div>|</div>|<b>|</b>|<a>|</a>|<br>|</br>|`+
	`<form>|</form>|<button>|<frameset>|</frameset>|<frame src=//bad.example>|<body>|</body>|<html>|</html>|<head>|</head>|<font>|<font color=a>|`+
	`<img src=//bad.example>|<img alt="|<img alt='|">|'>|<image href=//bad.example />|<image xlink:href=//bad.example />|<use href="//bad.example#a"/>|`+
	`<input type=image src=//bad.example>|<link rel=stylesheet href=//bad.example>|<script src=//bad.example></script>|<iframe src=//bad.example></iframe>|`+
	`<video src=//bad.example poster=//bad.example>|<source srcset="a 1x, //bad.example 2x">|<embed src=//bad.example>|<object data=//bad.example>|`+
	`<iframe srcdoc="<img src=//bad.example>">|<base href=//bad.example/>|<base href=/>|<img src=x>|<meta http-equiv=refresh content="0;//bad.example">|`+
	`<table background=//bad.example>|<!--|-->|--!>|<!|<![CDATA[|]]>|>|<|</|<?|<!-->|<!doctype html>|"|'|=|/| |x|<svg/>|<p/>|<li>|<h1>|</h1>|<ruby>|`+
	`<svg><style>|<math><mtext><table><mglyph><style>|<a title="</noscript>|</style|</script |</noscript|<style/>|<marquee>|<object>|</object>|<dd>|<nobr>|`+
	`<img src=//ok.example src=//bad.example>|<img src=//bad.example src=//bad2.example>|<a href=//bad.example>|<area href=//bad.example>|`+
	`<svg><a href=//bad.example>|<keygen>|<hr>|<optgroup>|<main>|</main>|<label>|<tbody>|<th>`, "|")

func spelled(picks []byte) string {
	var b strings.Builder
	for _, p := range picks[:min(len(picks), 200)] {
		b.WriteString(words[int(p)%len(words)])
	}
	return b.String()
}

// FuzzAgainstHTML holds what comes out against what another parser makes of it.
func FuzzAgainstHTML(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, []byte{})
	}
	for i := range words {
		f.Add("", []byte{byte(i), byte(i * 7), byte(i * 13), byte(i * 31)})
	}
	f.Fuzz(func(t *testing.T, in string, picks []byte) {
		if in += spelled(picks); len(in) > 1<<14 {
			return
		}
		if out := through(t, &Rules{Fragment: true}, in, len(in)); out != in {
			t.Fatalf("changed without a rule:\n%q\n%q", in, out)
		}
		out := through(t, fuzzRules(), in, len(in))
		for _, size := range []int{1, 2 + len(in)%5, 11} {
			if cut := through(t, fuzzRules(), in, size); cut != out {
				t.Fatalf("%q\nbecame     %q\nin pieces  %q (%d)", in, out, cut, size)
			}
		}
		// The other parser takes the mark of UTF-16 for text, and what follows for ASCII.
		if peerStrays.MatchString(in) || strings.HasPrefix(in, "\xff\xfe") || strings.HasPrefix(in, "\xfe\xff") {
			return
		}
		if lost := misplaced(in, out); lost != "" {
			t.Fatalf("%q\nbecame %q\nwhere the bar is in %s", in, out, lost)
		}
		for _, scripting := range []bool{false, true} {
			if bad := loads(out, scripting, 0); bad != "" {
				t.Fatalf("%q\nbecame %q\nwhich loads %s (scripting %v)", in, out, bad, scripting)
			}
		}
	})
}

func fuzzRules() *Rules {
	r := rules()
	r.Fragment = false
	r.Head, r.Body = []byte("<style></style>"), []byte("<div id=avow></div>")
	r.Placeholder = func(dst []byte, f Found) []byte { return append(dst, "<p>"+f.Element+"</p>"...) }
	r.Hop = func(dst, url []byte) []byte { return append(append(dst, "/out?"...), url...) }
	r.Found = func(Found) {}
	return r
}

// loads returns the first thing that the document would load from elsewhere.
func loads(doc string, scripting bool, deep int) string {
	root, err := parser.ParseWithOptions(strings.NewReader(doc), parser.ParseOptionEnableScripting(scripting))
	if err != nil {
		return ""
	}
	// The first base that is no part of a template counts.
	base := ""
	for n := range root.Descendants() {
		if n.Type == parser.ElementNode && n.Data == "base" && n.Namespace == "" && !inTemplate(n) {
			if href, ok := attrOf(n, "href"); ok {
				base = href
				break
			}
		}
	}
	for n := range root.Descendants() {
		if n.Type == parser.ElementNode {
			if bad := nodeLoads(n, base, scripting, deep); bad != "" {
				return bad
			}
		}
	}
	return ""
}

// peerStrays are scripts that the other parser ends too early: after <!-- and a
// < that begins nothing, it takes the comment in a script for ended, and the
// standard (13.2.5.20) does not.
var peerStrays = regexp.MustCompile(`(?is)<script.*<!--.*<([^/a-z]|$)`)

// misplaced returns what the bar stands in, if that is not the body.
func misplaced(in, out string) string {
	for _, s := range []string{"noscript", "template", "frameset", "id=avow"} {
		if strings.Contains(strings.ToLower(in), s) {
			return "" // where there is no one body to be in
		}
	}
	root, err := parser.Parse(strings.NewReader(out))
	if err != nil {
		return ""
	}
	bars := 0
	for n := range root.Descendants() {
		if id, _ := attrOf(n, "id"); id == "avow" {
			if bars++; n.Parent.Data != "body" || bars > 1 {
				return n.Parent.Data
			}
		}
	}
	if bars == 0 && strings.Contains(out, "id=avow") {
		return "text"
	}
	return ""
}

func inTemplate(n *parser.Node) bool {
	for p := range n.Ancestors() {
		if p.Data == "template" && p.Namespace == "" {
			return true
		}
	}
	return false
}

// attrOf returns the first attribute of that name, which is the one that counts.
func attrOf(n *parser.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// loading names the attributes that load, by element.
var loading = map[string]string{
	"script": "src href", "img": "src srcset", "image": "href src srcset", "source": "src srcset", "video": "src poster", "audio": "src", "track": "src",
	"iframe": "src", "frame": "src", "embed": "src", "object": "data", "input": "src", "use": "href", "feImage": "href", "table": "background",
	"td": "background", "body": "background", "link": "href",
}

func nodeLoads(n *parser.Node, base string, scripting bool, deep int) string {
	if doc, ok := attrOf(n, "srcdoc"); ok && n.Data == "iframe" && deep < 2 {
		if bad := loads(doc, scripting, deep+1); bad != "" {
			return "srcdoc: " + bad
		}
	}
	if kind, _ := attrOf(n, "type"); n.Data == "input" && !strings.EqualFold(kind, "image") {
		return ""
	}
	if rel, _ := attrOf(n, "rel"); n.Data == "link" && !strings.Contains(strings.ToLower(rel), "stylesheet") {
		return ""
	}
	if eq, _ := attrOf(n, "http-equiv"); n.Data == "meta" && strings.EqualFold(eq, "refresh") {
		content, _ := attrOf(n, "content")
		if m := regexp.MustCompile(`^\s*\d[\d.]*\s*[;,]?\s*(?:(?i:url)\s*=\s*)?['"]?(.*)`).FindStringSubmatch(content); m != nil && elsewhere(m[1], base) {
			return "refresh " + content
		}
	}
	seen := map[string]bool{}
	for _, a := range n.Attr {
		if seen[a.Key+a.Namespace] || !strings.Contains(" "+loading[n.Data]+" ", " "+a.Key+" ") {
			continue
		}
		seen[a.Key+a.Namespace] = true
		urls := []string{a.Val}
		if a.Key == "srcset" {
			urls = strings.Fields(strings.ReplaceAll(a.Val, ",", " "))
		}
		for _, u := range urls {
			if elsewhere(u, base) {
				return n.Data + " " + a.Key + "=" + a.Val
			}
		}
	}
	return ""
}

var authority = regexp.MustCompile(`^(?i:(https?|wss?|ftp):)?([/\\]*)([^/\\?#]*)`)

// elsewhere says whether u names a host that must not be asked.
func elsewhere(u, base string) bool {
	u = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.TrimFunc(u, func(r rune) bool { return r <= ' ' }))
	m := authority.FindStringSubmatch(u)
	scheme := strings.ToLower(m[1])
	if scheme == "" && strings.Contains(strings.SplitN(m[3], "/", 2)[0], ":") && m[2] == "" {
		return false // another scheme, or none that has a host
	}
	if len(m[2]) >= 2 || scheme != "" && scheme != "https" {
		host := strings.ToLower(m[3][strings.LastIndex(m[3], "@")+1:])
		host = strings.TrimSuffix(host, ":443")
		return strings.Contains(host, "bad") && !strings.Contains(host, "%")
	}
	return base != "" && elsewhere(base, "")
}
