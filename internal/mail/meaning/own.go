package meaning

import (
	"strings"
)

// most is how much of a text is looked at: nobody asks to be left alone after
// a hundred pages.
const most = 128 << 10

// ownWords returns what the sender wrote themselves, without the quotations,
// signature and footer, and the values of List-Unsubscribe found in what they
// quoted. It looks at each line once, and at no more than two lines before it.
func ownWords(text string) (own string, listUnsubscribe []string) {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	lines := strings.Split(text, "\n")
	kept := make([]string, 0, len(lines))
	cut := false // what follows is a letter quoted whole
	for i, line := range lines {
		line = strings.TrimRight(line, "\r \t\u00a0")
		bare := strings.TrimLeft(line, " \t\u00a0\ufeff")
		quoted := strings.HasPrefix(bare, ">")
		if cut || quoted {
			listUnsubscribe = append(listUnsubscribe, listHeader(lines, i)...)
			continue
		}
		introduced, begun := introduces(bare, kept)
		switch {
		case isRule(bare), bare == "--":
			cut = true
		case introduced:
			kept = kept[:len(kept)-begun]
			cut = !nextQuoted(lines[i+1:])
		case headerBlock(lines[i:]):
			cut = true
			listUnsubscribe = append(listUnsubscribe, listHeader(lines, i)...)
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n"), listUnsubscribe
}

// listHeader reads line i if it is a List-Unsubscribe field, with the lines
// that continue it.
func listHeader(lines []string, i int) []string {
	const name = "list-unsubscribe:"
	unquote := func(line string) string { return strings.TrimLeft(line, "> \t\u00a0") }
	line := unquote(lines[i])
	if len(line) < len(name) || !strings.EqualFold(line[:len(name)], name) {
		return nil
	}
	value := line[len(name):]
	for _, more := range lines[i+1 : min(i+3, len(lines))] {
		if more = unquote(more); !strings.HasPrefix(more, "<") {
			break
		}
		value += more
	}
	return []string{value}
}

// isRule recognises the lines with which programs part what was written from
// what is below: of a list's footer, of a letter forwarded or answered.
func isRule(line string) bool {
	if strings.Trim(line, "_") == "" {
		return len(line) >= 10
	}
	inner := strings.Trim(line, "-")
	if n := len(line) - len(inner); n >= 6 && inner != "" || strings.HasSuffix(line, ":") {
		return known().below[strings.TrimSpace(foldText(strings.Trim(inner, " :")))]
	}
	return false
}

// introduces says whether the line ends what programs write before a quotation,
// "On … wrote:", and how many of the lines before it belong to that: two at most.
// It has a word for writing, a date, and either an address or a beginning as
// programs have it, for people say too what they wrote.
func introduces(line string, before []string) (ok bool, n int) {
	if !strings.HasSuffix(line, ":") || len(line) > 400 {
		return false, 0
	}
	wrote, dated, address := false, false, false
	for n = 0; n <= min(2, len(before)); n++ {
		l := line
		if n > 0 {
			l = before[len(before)-n]
		}
		folded := foldText(l[:min(len(l), 400)])
		first, _, _ := strings.Cut(folded, " ")
		address = address || strings.Contains(l, "@")
		if folded == "" || n > 0 && !address && !wrote {
			break
		}
		for w := range strings.SplitSeq(folded, " ") {
			wrote = wrote || known().wrote[w]
		}
		if dated = dated || strings.ContainsAny(l, "0123456789"); wrote && dated && known().on[first] {
			return true, n
		}
	}
	return wrote && dated && address, 0
}

// nextQuoted says whether the next line with something on it is quoted. Then
// what is not quoted further down is the sender's.
func nextQuoted(lines []string) bool {
	for _, l := range lines[:min(4, len(lines))] {
		if l = strings.TrimSpace(l); l != "" {
			return strings.HasPrefix(l, ">")
		}
	}
	return false
}

// headerBlock says whether lines begin with the header of a letter as programs
// print it above a quotation: three of its fields in four lines.
func headerBlock(lines []string) bool {
	n := 0
	for i, l := range lines[:min(5, len(lines))] {
		name, value, ok := strings.Cut(strings.Trim(strings.TrimSpace(l), "*"), ":")
		if ok && len(name) < 24 && value != "" && known().fields[foldText(strings.Trim(name, "* \u00a0"))] {
			n++
		} else if i == 0 {
			return false
		}
	}
	return n >= 3
}

// cutAnswer takes "Re:" and its like off a subject.
func cutAnswer(subject string) (rest string, answers bool) {
	rest = strings.TrimSpace(subject)
	for range 8 {
		before, after, ok := strings.Cut(rest, ":")
		if name, _, _ := strings.Cut(before, "["); !ok || len(before) > 12 || !known().answers[foldText(strings.TrimSpace(name))] {
			break
		}
		rest, answers = strings.TrimSpace(after), true
	}
	return rest, answers
}
