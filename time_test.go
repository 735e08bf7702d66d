package avow_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
)

func TestParsePeriod(t *testing.T) {
	from := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct{ text, until string }{
		{"24 months", "2028-01-31 09:00"}, {"1 month", "2026-03-03 09:00"}, {"1 year", "2027-01-31 09:00"}, {"2 weeks", "2026-02-14 09:00"},
		{"30 days", "2026-03-02 09:00"}, {"24h", "2026-02-01 09:00"}, {"0", "2026-01-31 09:00"}, {"0h", "2026-01-31 09:00"},
		{"", ""}, {"soon", ""}, {"-1 day", ""}, {"1.5 days", ""}, {"months", ""}, {"999999 days", ""}, {"3 fortnights", ""},
	} {
		p, err := avow.ParsePeriod(c.text)
		if c.until == "" {
			if err == nil {
				t.Errorf("%q is read as %v", c.text, p)
			}
			continue
		}
		if got := p.After(from).Format("2006-01-02 15:04"); err != nil || got != c.until {
			t.Errorf("%q ends %s (%v), want %s", c.text, got, err, c.until)
		}
	}
}

func TestIDsHaveOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := avow.NewRecordID(time.Now())
		text := []byte(id.String())
		if back, err := avow.ParseRecordID(string(text)); err != nil || back != id {
			t.Fatalf("%s is read as %v (%v)", text, back, err)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		text[i] ^= byte(1 << rapid.IntRange(0, 7).Draw(t, "bit"))
		if back, err := avow.ParseRecordID(string(text)); err == nil && back == id {
			t.Fatalf("%q is a second spelling of %v", text, id)
		}
	})
}

// TestPeriodString is golden: hashes of published rules rest on it.
func TestPeriodString(t *testing.T) {
	for text, want := range map[string]string{
		"1 month": "1 month", "12 months": "12 months", "2 years": "24 months", "36 months": "36 months", "6 years": "6 years",
		"72 months": "6 years", "61 months": "61 months", "30 days": "30 days", "2 weeks": "14 days", "24h": "24 hours", "0": "0 hours",
	} {
		if p, err := avow.ParsePeriod(text); err != nil || p.String() != want {
			t.Errorf("%q is written %q (%v), want %q", text, p, err, want)
		}
	}
}

func TestParseCap(t *testing.T) {
	for text, want := range map[string]string{
		"2 per year": "2 per 12 months", "1 per 14 days": "1 per 14 days", " 3 per month ": "3 per 1 month", "1000 per 24h": "1000 per 24 hours",
		"": "", "2": "", "2 per": "", "2 per ": "", "0 per year": "", "-1 per year": "", "1001 per year": "", "two per year": "", "2 per 0": "", "2 per soon": "",
	} {
		c, err := avow.ParseCap(text)
		if want == "" != (err != nil) || c.String() != want {
			t.Errorf("%q is read as %q (%v), want %q", text, c, err, want)
		}
		if again, err := avow.ParseCap(c.String()); want != "" && (err != nil || again != c) {
			t.Errorf("%q is written %q, and that is read as %v (%v)", text, c, again, err)
		}
	}
}
