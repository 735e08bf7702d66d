package markup

import (
	"bytes"

	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

type state uint8

const (
	starting state = iota // no byte was looked at
	passing               // nothing is looked at
	inData
	inTag
	inComment
	inBogus // what the standard calls a bogus comment, and doctype
	inCDATA
	inRaw
	inScript
	inPlaintext
)

// scan looks at w.b from w.pos on, as far as can be told without more. It
// returns how much may be passed on.
func (w *scanner) scan() int {
	for {
		var keep int
		switch w.state {
		case starting:
			keep = w.begin()
		case passing, inPlaintext:
			w.pos = len(w.b)
			keep = w.pos
		case inData:
			keep = w.data()
		case inTag:
			keep = w.readTag()
		case inComment, inBogus, inCDATA:
			keep = w.comment()
		case inRaw:
			keep = w.rawText()
		case inScript:
			keep = w.script()
		}
		if keep >= 0 {
			return keep
		}
	}
}

const more = -1 // there is more to be looked at

// begin looks at the mark that a text may begin with.
func (w *scanner) begin() int {
	b := w.b
	switch {
	case len(b) == 0:
		return 0
	case bytes.HasPrefix(b, []byte("\xfe\xff")), bytes.HasPrefix(b, []byte("\xff\xfe")):
		w.state = passing
		return more
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		w.pos = 3
	case !w.last && (len(b) < 2 && b[0] >= 0xfe || len(b) < 3 && bytes.HasPrefix([]byte("\xef\xbb\xbf"), b)):
		return 0
	}
	w.state = inData
	return more
}

// data is the state between tags.
func (w *scanner) data() int {
	b := w.b
	for {
		i := bytes.IndexByte(b[w.pos:], '<')
		if i < 0 {
			w.text(w.pos, len(b))
			w.pos = len(b)
			return w.pos
		}
		i += w.pos
		w.text(w.pos, i)
		w.pos = i
		if rest := len(b) - i; rest == 1 || rest == 2 && b[i+1] == '/' {
			if w.last { // it is text
				w.text(i, i+1)
			}
			return i
		}
		switch c := b[i+1]; {
		case values.Letter(c):
			w.beginTag(i, i+1, false)
			return more
		case c == '/':
			if values.Letter(b[i+2]) {
				w.beginTag(i, i+2, true)
				return more
			}
			w.Start, w.pos, w.seen, w.state = i, i+2, i+2, inBogus
			return more
		case c == '!':
			return w.declaration(i)
		case c == '?':
			w.Start, w.pos, w.seen, w.state = i, i+2, i+2, inBogus
			return more
		}
		w.text(i, i+1)
		w.pos = i + 1
	}
}

const cdata = "[CDATA["

// declaration looks at what begins with <!
func (w *scanner) declaration(i int) int {
	rest := w.b[i+2:]
	w.Start, w.seen = i, i+2
	switch {
	case bytes.HasPrefix(rest, []byte("--")):
		w.pos, w.state = i+4, inComment
		return more
	case bytes.HasPrefix(rest, []byte(cdata)):
		switch {
		case w.Unsure && w.careful: // what it is is for us to say: a comment
			w.instead(i+2, 1, "_")
		case w.Between():
			w.pos, w.state = i+9, inCDATA
			return more
		}
	case !w.last && (len(rest) < 2 && (len(rest) == 0 || rest[0] == '-') || len(rest) < len(cdata) && bytes.HasPrefix([]byte(cdata), rest)):
		return i
	}
	w.pos, w.state = i+2, inBogus
	return more
}

// comment looks for the end of a comment, or of what is passed over as one.
func (w *scanner) comment() int {
	b := w.b
	for w.pos < len(b) {
		i := bytes.IndexByte(b[w.pos:], '>')
		if i < 0 {
			break
		}
		i += w.pos
		if k := w.escapes(i + 1); k >= 0 {
			w.cutShort(k)
			return more
		}
		w.pos = i + 1
		if w.commentEnds(i) {
			w.state = inData
			return more
		}
	}
	if k := w.escapes(len(b)); k >= 0 {
		w.cutShort(k)
		return more
	}
	w.pos = len(b)
	if w.noscript {
		return max(0, w.done, len(b)-len(noscriptEnd)-1)
	}
	return max(0, w.done, len(b)-3)
}

// commentEnds says whether the > at i ends it.
func (w *scanner) commentEnds(i int) bool {
	b, n := w.b, i-w.Start // n bytes of it come before
	switch w.state {
	case inBogus:
		return true
	case inCDATA:
		return n >= 11 && b[i-1] == ']' && b[i-2] == ']'
	}
	return n >= 4 && b[i-1] == '-' && b[i-2] == '-' ||
		n >= 7 && b[i-1] == '!' && b[i-2] == '-' && b[i-3] == '-'
}

// rawText looks for the end tag of an element whose content is text.
func (w *scanner) rawText() int {
	b := w.b
	for {
		i := bytes.IndexByte(b[w.pos:], '<')
		if i < 0 {
			w.pos = len(b)
			return w.searched(len(b))
		}
		w.pos += i
		a := w.guard(w.pos)
		if a == no {
			a = w.endTag(w.pos, w.raw.Name)
		}
		switch a {
		case yes:
			w.leaveRaw()
			return more
		case maybe:
			return w.searched(w.pos)
		}
		w.pos++
	}
}

func (w *scanner) leaveRaw() {
	w.report = w.report && w.searched(w.pos) < 0
	w.state, w.ended = inData, true
}

type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// endTag says whether the end tag of e begins at i.
func (w *scanner) endTag(i int, e string) answer {
	rest := w.b[i+1:]
	if len(rest) == 0 {
		return maybe
	}
	if rest[0] != '/' {
		return no
	}
	return w.word(rest[1:], e)
}

// word says whether b begins with s and a byte that ends a name.
func (w *scanner) word(b []byte, s string) answer {
	switch {
	case len(b) <= len(s):
		if values.Begins(b, s[:len(b)]) {
			return maybe
		}
	case values.Begins(b, s) && tags.NameEnds[b[len(s)]]:
		return yes
	}
	return no
}

// script looks for the end of a script, over comments in it and scripts in these.
func (w *scanner) script() int {
	b := w.b
	for w.pos < len(b) {
		i := w.pos
		if w.escape == 0 {
			k := bytes.IndexByte(b[i:], '<')
			if k < 0 {
				w.pos = len(b)
				break
			}
			i += k
		}
		w.pos = i
		switch c := b[i]; {
		case c == '-':
			w.dashes++
		case c == '>' && w.dashes >= 2:
			w.escape, w.dashes = 0, 0
		case c == '<':
			w.dashes = 0
			a := w.guard(i)
			if a == no {
				a = w.scriptTag(i)
			}
			switch a {
			case yes:
				w.leaveRaw()
				return more
			case maybe:
				return w.searched(i)
			}
			continue
		default:
			w.dashes = 0
		}
		w.pos++
	}
	return w.searched(len(b))
}

// scriptTag looks at the < at i, and goes past it unless it is the end of the script.
func (w *scanner) scriptTag(i int) answer {
	rest := w.b[i+1:]
	switch a := w.endTag(i, "script"); {
	case a == maybe, a == yes && w.escape < 2:
		return a
	case a == yes:
		w.escape = 1
	case w.escape == 0 && !w.last && len(rest) < 3 && string(rest) == "!--"[:len(rest)]:
		return maybe
	case w.escape == 0 && bytes.HasPrefix(rest, []byte("!--")):
		w.escape, w.dashes, w.pos = 1, 2, i+4
		return no
	case w.escape == 1:
		switch w.word(rest, "script") {
		case maybe:
			return maybe
		case yes:
			w.escape = 2
		}
	}
	w.pos = i + 1
	return no
}
