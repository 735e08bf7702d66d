package popular

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// A history is how many read one page, day by day.
type history []int64

// published is everything that is ever shown of a page with this history, by a
// house that settles each day as Settle does: after which day which number was
// shown of which. Whatever a page, a chart or the JSON shows is sums of these.
func (h history) published(first time.Time, rule *statement.Popular) string {
	out, carried := "", tally{}
	for i, n := range h {
		on, next := day(first.AddDate(0, 0, i)), day(first.AddDate(0, 0, i+1))
		carried = tally{on, carried.n + n}
		switch to := settle(carried, next, rule); to {
		case on:
			out += fmt.Sprintf("%s %d\n", on, carried.n)
			carried = tally{}
		case "":
			carried = tally{}
		}
	}
	return out
}

// TestNoHiddenNumberFollows: for each day of a page whose number is under the
// limit there is another history, in which that day's number is another one, of
// which all that is ever shown, on any day, in any range, is the same. So nobody
// can work the number out, however they add, subtract and wait. The pages do not
// depend on each other, so the same holds of all of them together.
func TestNoHiddenNumberFollows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := &statement.Popular{HideUnder: rapid.IntRange(2, 12).Draw(t, "limit"), Keep: avow.Period{Days: rapid.SampledFrom([]int{7, 40}).Draw(t, "keep")}}
		first := time.Date(2026, 11, rapid.IntRange(1, 28).Draw(t, "first"), 0, 0, 0, 0, time.UTC)
		h := history(rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 4), rapid.Int64Range(0, 20)), 1, 40).Draw(t, "history"))
		shown := h.published(first, rule)
		for i := range h {
			if h[i] < int64(rule.HideUnder) && !h.ambiguous(i, shown, first, rule) {
				t.Fatalf("of %v, first %s, the number of day %d follows from\n%s", h, day(first), i, shown)
			}
		}
	})
}

// ambiguous says whether some other history, with one reading more or fewer on
// day i and maybe one fewer or more on another day, shows the same.
func (h history) ambiguous(i int, shown string, first time.Time, rule *statement.Popular) bool {
	for _, by := range []int64{1, -1} {
		for j := range h {
			other := append(history{}, h...)
			other[i] += by
			if j != i {
				other[j] -= by // j == i stands for no other day
			}
			if other[i] >= 0 && other[j] >= 0 && other.published(first, rule) == shown {
				return true
			}
		}
	}
	return false
}

// TestHiddenCanFollow: the test above can fail. With each day's number by
// itself and the sum of all beside them, it does.
func TestHiddenCanFollow(t *testing.T) {
	h, limit := history{12, 3, 15}, int64(10)
	naive := func(h history) (out string) {
		all := int64(0)
		for _, n := range h {
			if all += n; n >= limit {
				out += fmt.Sprint(n, " ")
			} else {
				out += "- "
			}
		}
		return out + fmt.Sprint(all)
	}
	for j := range h {
		other := append(history{}, h...)
		other[1]++
		if other[j]--; j != 1 && naive(other) == naive(h) {
			t.Error("it does not follow")
		}
	}
}

// TestShownIsPublished: what the house shows is what the model above publishes,
// on every day.
func TestShownIsPublished(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	first := w.now.Truncate(24 * time.Hour)
	pages := map[string]history{
		"/often": {12, 25, 11, 10, 40}, "/sometimes": {3, 3, 3, 3, 3, 3, 3, 9, 1}, "/once": {9}, "/late": {0, 0, 0, 0, 5, 5, 14},
	}
	for i := range 45 {
		for path, h := range pages {
			if i < len(h) {
				w.visits(int(h[i]), path)
			}
		}
		w.pass(1)
		var out numbersJSON
		w.shown = nil
		if err := json.Unmarshal(w.get("/privacy/popular.json").Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		days, months := map[string]int64{}, map[string]int64{}
		for path, h := range pages {
			var pageDays, pageMonths int64
			so := h[:min(len(h), i+1)]
			for len(so) <= i {
				so = append(so[:len(so):len(so)], 0)
			}
			var on string
			var n int64
			lines := so.published(first, w.force.Popular)
			for len(lines) > 0 {
				fmt.Sscanf(lines, "%s %d\n", &on, &n)
				lines = lines[len(fmt.Sprintf("%s %d\n", on, n)):]
				days[on] += n
				months[on[:7]] += n
				pageMonths += n
				if on >= day(w.clock().AddDate(0, 0, -30)) {
					pageDays += n
				}
			}
			if gotDays, gotMonths := w.reads(path); gotDays != pageDays || gotMonths != pageMonths {
				t.Fatalf("after day %d %s is shown as %d and %d, want %d and %d", i, path, gotDays, gotMonths, pageDays, pageMonths)
			}
		}
		for _, c := range out.Days {
			if c.Reads != days[c.Day] {
				t.Fatalf("after day %d %s is shown as %d, want %d", i, c.Day, c.Reads, days[c.Day])
			}
		}
		for _, c := range out.Months {
			if c.Reads != months[c.Month] {
				t.Fatalf("after day %d %s is shown as %d, want %d", i, c.Month, c.Reads, months[c.Month])
			}
		}
	}
}

// TestSettle: a small number is carried on within its month, where numbers are
// kept that long.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		on    string
		n     int64
		today string
		keep  avow.Period
		want  string
	}{
		{"2026-11-24", 10, "2026-11-25", avow.Period{Months: 24}, "2026-11-24"},
		{"2026-11-24", 9, "2026-11-25", avow.Period{Months: 24}, "02026-11-25"},
		{"2026-11-24", 9, "2026-11-30", avow.Period{}, "02026-11-30"},
		{"2026-11-24", 9, "2026-11-30", avow.Period{Days: 31}, "02026-11-30"},
		{"2026-11-24", 9, "2026-11-25", avow.Period{Days: 30}, ""},
		{"2026-11-30", 9, "2026-12-01", avow.Period{Months: 24}, ""},
		{"2025-11-30", 9, "2026-11-01", avow.Period{Months: 24}, ""},
	} {
		if got := settle(tally{c.on, c.n}, c.today, &statement.Popular{HideUnder: 10, Keep: c.keep}); got != c.want {
			t.Errorf("%d of %s, settled on %s with %s, goes to %q, want %q", c.n, c.on, c.today, c.keep, got, c.want)
		}
	}
}

// TestSettleLate: days that nobody settled in time are settled together.
func TestSettleLate(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	for range 3 {
		w.visits(4, "/late")
		w.do(w.Flush)
		w.now = w.now.AddDate(0, 0, 1)
	}
	w.do(w.Settle)
	if days, _ := w.reads("/late"); days != 12 {
		t.Errorf("three days of 4 are shown as %d", days)
	}
}
