package bar

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"strings"
)

//go:embed style.css
var styleText string

//go:embed script.js
var scriptText string

//go:embed guard.js
var guardText string

// scriptMade is what the page gets of script.js, guardMade of guard.js.
var scriptMade, guardMade = pressed(scriptText), pressed(guardText)

// pressed takes comments, indents and line ends out of a script. In ours a line
// ends where a token does, and no comment stands behind anything.
func pressed(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "//") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// stylesheet is the style of what there is to see in one state.
func stylesheet(s state) []byte {
	id := [states]string{"avow", Saved, "avow-gpc"}[s]
	own := [states]string{"ask", "saved", "signal"}[s]
	return []byte(strings.ReplaceAll(stylePart("card")+stylePart(own)+stylePart("dark"), "ID", id))
}

// stylePart is a part of style.css in one line.
func stylePart(name string) string {
	_, rest, _ := strings.Cut(styleText, "/*= "+name+" */\n")
	rest, _, _ = strings.Cut(rest, "/*=")
	return strings.ReplaceAll(rest, "\n", "")
}

// assets are the style and the script as files.
func assets(base string) []File {
	var all strings.Builder
	for s := range states {
		all.Write(stylesheet(s))
	}
	return []File{asset(base, ".css", "text/css; charset=utf-8", all.String()), asset(base, ".js", "text/javascript; charset=utf-8", scriptMade)}
}

func asset(base, ending, kind, body string) File {
	sum := sha256.Sum256([]byte(body))
	return File{base + "/bar/" + hex.EncodeToString(sum[:8]) + ending, kind, []byte(body)}
}

// appendTag opens a style or a script.
func appendTag(dst []byte, name string, w way, nonce string) []byte {
	dst = append(append(dst, '<'), name...)
	if w == nonced && base64ish(nonce) {
		dst = append(append(append(dst, ` nonce="`...), nonce...), '"')
	}
	return append(dst, '>')
}

func (b *Bar) appendStyle(dst []byte, s state, w way, nonce string) []byte {
	switch w {
	case none:
		return dst
	case linked:
		return append(append(append(dst, `<link rel="stylesheet" href="`...), b.files[0].Path...), `">`...)
	}
	return append(append(appendTag(dst, "style", w, nonce), b.styles[s]...), `</style>`...)
}

func (b *Bar) appendScript(dst []byte, w way, nonce string) []byte {
	switch w {
	case none:
		return dst
	case linked:
		return append(append(append(dst, `<script defer src="`...), b.files[1].Path...), `"></script>`...)
	}
	return append(append(appendTag(dst, "script", w, nonce), scriptMade...), `</script>`...)
}

// appendGuard appends the guard of cookies. The names are written so that none
// can end the script.
func appendGuard(dst []byte, names []string) []byte {
	list, _ := json.Marshal(append([]string{}, names...)) // strings marshal
	before, after, _ := strings.Cut(guardMade, "NAMES")
	return append(append(append(dst, before...), list...), after...)
}
