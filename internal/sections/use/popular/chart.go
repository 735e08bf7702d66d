package popular

import (
	"fmt"
	"strconv"
)

// A chart is a row of bars, drawn in a box of 10 units a bar by 100. What it
// tells it tells in words too.
type chart struct {
	ID, Title  string
	Desc       string
	Unit       string // of a row of its table
	Width      int
	Bars       []bar
	Rows       []row // one for each bar, for the table
	Top        string
	First, End string // what the outer bars are of
}

type bar struct {
	X         int
	Y, Height string
	Says      string
}

// A row is a number with its name.
type row struct{ Name, Number string }

const (
	perBar = 10
	high   = 100
)

// newChart draws counts; name says what one is of, short is for the axis.
func newChart(id, title, unit string, counts []count, name, short string) chart {
	c := chart{ID: id, Title: title, Unit: unit, Width: perBar * len(counts),
		First: counts[0].of.Format(short), End: counts[len(counts)-1].of.Format(short)}
	var most count
	for _, n := range counts {
		if n.n > most.n {
			most = n
		}
	}
	top := ceiling(most.n)
	for i, n := range counts {
		c.Rows = append(c.Rows, row{n.of.Format(name), shown(n.n)})
		if n.n > 0 {
			h := max(high*float64(n.n)/float64(top), 1)
			c.Bars = append(c.Bars, bar{i*perBar + 1, decimal(high - h), decimal(h), n.of.Format(name) + ": " + shown(n.n)})
		}
	}
	c.Desc = "No number reaches the limit yet."
	if most.n > 0 {
		c.Top = thousands(top)
		c.Desc = fmt.Sprintf("From %s to %s. The most is %s, for %s. The table below has each number.",
			counts[0].of.Format(name), counts[len(counts)-1].of.Format(name), thousands(most.n), most.of.Format(name))
	}
	return c
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// ceiling is the next number above n, or n, that is one round digit and zeros.
func ceiling(n int64) int64 {
	for step := int64(1); ; step *= 10 {
		for _, m := range []int64{1, 2, 3, 4, 5, 6, 8} {
			if m*step >= n {
				return m * step
			}
		}
	}
}

// shown writes a number, or the dash that stands for one that is not shown.
func shown(n int64) string {
	if n == 0 {
		return "–"
	}
	return thousands(n)
}

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// How days and months are written, in full and on an axis.
const (
	fullDay, shortDay     = "2 January 2006", "2 Jan"
	fullMonth, shortMonth = "January 2006", "Jan 2006"
)
