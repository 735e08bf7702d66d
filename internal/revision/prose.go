package revision

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/avow-privacy/avow/internal/statement"
)

// A SectionChange is a heading and what stands under it, with what differs.
type SectionChange struct {
	Title  string  `json:"title"`
	Status Status  `json:"status"`
	Blocks []Block `json:"blocks"`
}

// A Block is a heading, a marked promise, or else a paragraph, list item or
// line of a table.
type Block struct {
	Runs []Run `json:"runs"`
}

// A Run is a stretch of a Block that stayed, came or went.
type Run struct {
	Op   Op     `json:"op"`
	Text string `json:"text"`
}

// Op says what became of a Run.
type Op string

// A Run without change is equal.
const (
	Equal  Op = "equal"
	Insert Op = "insert"
	Delete Op = "delete"
)

// Changed says whether anything in the block differs.
func (b Block) Changed() bool {
	return slices.ContainsFunc(b.Runs, func(r Run) bool { return r.Op != Equal })
}

// Before and After return the words of one side, "" if there are none.
func (b Block) Before() string { return b.side(Insert) }

// After returns the words as they are now.
func (b Block) After() string { return b.side(Delete) }

func (b Block) side(not Op) string {
	var s strings.Builder
	for _, r := range b.Runs {
		if r.Op != not {
			s.WriteString(r.Text)
		}
	}
	return s.String()
}

// A passage is a section of the prose in plain words.
type passage struct {
	key, title string
	blocks     []string
}

// compareProse lists the sections whose words differ, in the order of b, and
// then those that only a has.
func compareProse(a, b *statement.Statement) []SectionChange {
	old := passages(a)
	var out []SectionChange
	for _, p := range passages(b) {
		i := slices.IndexFunc(old, func(o passage) bool { return o.key == p.key })
		if i < 0 {
			out = append(out, SectionChange{p.title, Added, whole(Insert, p.blocks)})
			continue
		}
		if !slices.Equal(old[i].blocks, p.blocks) {
			out = append(out, SectionChange{p.title, Changed, diffBlocks(old[i].blocks, p.blocks)})
		}
		old = slices.Delete(old, i, i+1)
	}
	for _, o := range old {
		out = append(out, SectionChange{o.title, Removed, whole(Delete, o.blocks)})
	}
	return out
}

// passages takes the prose of s apart at its headings of level two.
func passages(s *statement.Statement) []passage {
	lines := strings.Split(string(bytes.ReplaceAll(s.Source, []byte("\r\n"), []byte("\n"))), "\n")
	from := bodyLine(lines)
	out := []passage{{key: "", title: s.Title}}
	seen := map[string]int{}
	for _, sec := range s.Sections {
		to := min(max(sec.At.Line-1, from), len(lines))
		out[len(out)-1].blocks = blocks(lines[from:to])
		key := sec.Kind
		if key == "other" || key == "" {
			key = "other " + sec.Title
		}
		// Two sections of one kind are told apart by their order.
		seen[key]++
		out = append(out, passage{key: fmt.Sprint(key, " ", seen[key]), title: sec.Title})
		from = to
	}
	out[len(out)-1].blocks = blocks(lines[from:])
	return out
}

// bodyLine is the index of the first line after the front matter.
func bodyLine(lines []string) int {
	for i, line := range lines {
		if line = strings.TrimRight(line, " \t"); i > 0 && (line == "---" || line == "...") {
			return i + 1
		}
	}
	return len(lines)
}

// blocks folds lines of Markdown into blocks of plain words.
func blocks(lines []string) (out []string) {
	var open []string
	end := func() {
		for piece := range strings.SplitSeq(plain(strings.Join(open, " ")), "\n") {
			if text := strings.Join(strings.Fields(piece), " "); text != "" {
				out = append(out, text)
			}
		}
		open = nil
	}
	for _, line := range lines {
		line = strings.TrimSpace(line)
		heading := strings.HasPrefix(line, "#")
		if line == "" || heading || strings.HasPrefix(line, "|") || bullet(line) {
			end()
		}
		if strings.Trim(line, "-=|: ") != "" { // no underlines of headings and tables
			open = append(open, line)
		}
		if heading {
			end()
		}
	}
	end()
	return out
}

func bullet(line string) bool {
	mark, _, spaced := strings.Cut(line, " ")
	if !spaced || mark == "" {
		return false
	}
	number := strings.TrimRight(mark, ".)")
	return mark == "-" || mark == "*" || mark == "+" ||
		number != mark && strings.Trim(number, "0123456789") == ""
}

// plain takes the marks of headings and promises out of a block, and breaks the
// line after each promise. Who wants the marks reads the source.
func plain(block string) string {
	block = strings.TrimLeft(block, "# ")
	var opens []int
	end := strings.LastIndexByte(block, '}') // without one to find, looking for it again and again takes long
	drop := map[int]int{}                    // from → length
	for i := 0; i < len(block); i++ {
		switch {
		case block[i] == '\\':
			i++
		case block[i] == '[':
			opens = append(opens, i)
		case block[i] == ']' && len(opens) > 0:
			open := opens[len(opens)-1]
			opens = opens[:len(opens)-1]
			if strings.HasPrefix(block[i:], "]{") && i < end {
				n := strings.IndexByte(block[i:], '}')
				drop[open], drop[i] = 1, n+1
				i += n
			}
		}
	}
	var b strings.Builder
	for i := 0; i < len(block); {
		if n := drop[i]; n > 0 {
			if i += n; n > 1 && strings.HasPrefix(block[i:], " ") {
				b.WriteByte('\n')
			}
			continue
		}
		b.WriteByte(block[i])
		i++
	}
	return b.String()
}

func whole(op Op, blocks []string) (out []Block) {
	for _, b := range blocks {
		out = append(out, Block{[]Run{{op, b}}})
	}
	return out
}

// Comparing takes time by the product of what differs. These limits are far
// above any statement; past them a change is shown whole.
const (
	maxBlocks = 4000
	maxTokens = 4000
	maxPairs  = 4096
)

// diffBlocks compares block by block, and word by word where a block was
// rewritten.
func diffBlocks(a, b []string) (out []Block) {
	if len(a) > maxBlocks || len(b) > maxBlocks {
		return append(whole(Delete, a), whole(Insert, b)...)
	}
	var gone, came []string
	flush := func() {
		out = append(out, rewritten(gone, came)...)
		gone, came = nil, nil
	}
	for _, step := range diff(a, b, false) {
		switch step.op {
		case Delete:
			gone = append(gone, step.items...)
		case Insert:
			came = append(came, step.items...)
		default:
			flush()
			out = append(out, whole(Equal, step.items)...)
		}
	}
	flush()
	return out
}

// rewritten pairs blocks that have most of their words in common, keeping the
// order, and shows the rest as gone or new.
func rewritten(gone, came []string) (out []Block) {
	i, j := 0, 0
	for _, p := range pairs(gone, came) {
		out = append(out, whole(Delete, gone[i:p[0]])...)
		out = append(out, whole(Insert, came[j:p[1]])...)
		out = append(out, reworded(gone[p[0]], came[p[1]]))
		i, j = p[0]+1, p[1]+1
	}
	out = append(out, whole(Delete, gone[i:])...)
	return append(out, whole(Insert, came[j:])...)
}

// pairs finds the pairing of a and b with the most in common.
func pairs(a, b []string) (out [][2]int) {
	if len(a)*len(b) > maxPairs {
		return nil
	}
	best := make([][]float64, len(a)+1)
	for i := range best {
		best[i] = make([]float64, len(b)+1)
	}
	like := make([][]float64, len(a))
	for i := len(a) - 1; i >= 0; i-- {
		like[i] = make([]float64, len(b))
		for j := len(b) - 1; j >= 0; j-- {
			like[i][j] = likeness(a[i], b[j])
			best[i][j] = max(best[i+1][j], best[i][j+1], best[i+1][j+1]+like[i][j])
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch best[i][j] {
		case best[i+1][j]:
			i++
		case best[i][j+1]:
			j++
		default:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		}
	}
	return out
}

// likeness is the share of words that two blocks have in common, and 0 when it
// is too small for a reader to see one in the other.
func likeness(a, b string) float64 {
	count := map[string]int{}
	wordsA, wordsB := strings.Fields(a), strings.Fields(b)
	for _, w := range wordsA {
		count[w]++
	}
	both := 0
	for _, w := range wordsB {
		if count[w] > 0 {
			count[w]--
			both++
		}
	}
	if share := 2 * float64(both) / float64(len(wordsA)+len(wordsB)); share >= 0.4 {
		return share
	}
	return 0
}

func reworded(a, b string) Block {
	from, to := tokens(a), tokens(b)
	if len(from) > maxTokens || len(to) > maxTokens {
		return Block{[]Run{{Delete, a}, {Insert, b}}}
	}
	var out Block
	for _, step := range diff(from, to, true) {
		out.Runs = append(out.Runs, Run{step.op, strings.Join(step.items, "")})
	}
	return out
}

// tokens takes a text apart into words, spaces and marks.
func tokens(s string) (out []string) {
	start := 0
	var word bool
	for i, r := range s {
		is := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		if i > start && !(is && word) {
			out = append(out, s[start:i])
			start = i
		}
		word = is
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

type step struct {
	op    Op
	items []string
}

// diff compares two lists. With tidy, scraps between changes join them.
func diff(a, b []string, tidy bool) (out []step) {
	table := map[string]rune{}
	var items []string
	encode := func(list []string) []rune {
		runes := make([]rune, len(list))
		for i, s := range list {
			r, ok := table[s]
			if !ok {
				r = letter(len(items))
				table[s], items = r, append(items, s)
			}
			runes[i] = r
		}
		return runes
	}
	d := diffmatchpatch.New()
	d.DiffTimeout = 0 // with one, a busy machine would publish another diff than an idle one
	diffs := d.DiffMainRunes(encode(a), encode(b), false)
	if tidy {
		diffs = d.DiffCleanupSemantic(diffs)
	}
	for _, each := range diffs {
		s := step{op: ops[each.Type]}
		for _, r := range each.Text {
			s.items = append(s.items, items[index(r)])
		}
		out = append(out, s)
	}
	return out
}

var ops = map[diffmatchpatch.Operation]Op{diffmatchpatch.DiffDelete: Delete, diffmatchpatch.DiffInsert: Insert, diffmatchpatch.DiffEqual: Equal}

// The library compares text, so each item becomes a letter of the private use
// areas, which mean nothing to it: 6,400 of them, and 65,534 further up.
const (
	lowest, low = 0xE000, 6400
	highest     = 0xF0000
)

func letter(i int) rune {
	if i < low {
		return rune(lowest + i)
	}
	return rune(highest + i - low)
}

func index(r rune) int {
	if r < highest {
		return int(r - lowest)
	}
	return int(r-highest) + low
}
