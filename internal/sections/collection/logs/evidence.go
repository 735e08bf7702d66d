package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/scrub"
)

const (
	// grace is how long past its time a day may stay before the promise counts
	// as broken: the job that lets go runs every minute.
	grace = time.Hour

	// looked is how much of the end of the newest file is looked at.
	looked = 1 << 20
)

// Evidence shows the stored form, and looks for what should not be there in the
// newest file.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (all []avow.Evidence, err error) {
	for i := range now.Collect {
		if c := &now.Collect[i]; c.By == "visit" {
			e, err := s.evidence(ctx, now, c)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
	}
	return all, nil
}

func (s *Section) evidence(ctx context.Context, now *statement.Edition, c *statement.Collection) (avow.Evidence, error) {
	e := avow.Evidence{Clause: now.Keeper("collect." + string(c.Name)), Standing: avow.Kept, At: s.Clock()}
	if s.Dir == "" {
		e.Says = "No server log is kept at all."
		return e, nil
	}
	failed := s.Flush(ctx)
	days, err := s.files()
	if err != nil {
		return e, fmt.Errorf("read the server log: %w", err)
	}
	e.Figures = []avow.Figure{{Name: "a line as it is stored", Value: s.Sample()}, {Name: "kept for", Value: c.Keep.String()},
		{Name: "days held", Value: strconv.Itoa(len(days))}}
	if n := s.dropped.Load(); n > 0 {
		e.Figures = append(e.Figures, avow.Figure{Name: "lines lost since the start", Value: strconv.FormatInt(n, 10)})
	}
	if len(days) == 0 {
		e.Standing, e.Says = avow.Untested, "Nothing is in the server log."
		if failed != nil {
			e.Says = "The server log cannot be written, so nothing is in it."
		}
		return e, nil
	}
	e.Figures = append(e.Figures, avow.Figure{Name: "oldest day", Value: days[0].Time().Format("2 January 2006")})
	lines, personal, err := s.inspect(days[len(days)-1])
	switch {
	case err != nil:
		return e, fmt.Errorf("read the server log: %w", err)
	case s.Clock().After(c.Keep.After(days[0].Time()).Add(grace)):
		e.Standing, e.Says = avow.Broken, "A day of the server log is held past its time."
	case personal > 0:
		e.Standing, e.Says = avow.Broken, fmt.Sprintf("Of the last %d lines of the server log %d hold more than promised.", lines, personal)
	default:
		e.Says = "The last lines of the server log were looked at, and hold nothing that leads to anyone; days past their time are gone."
		e.Figures = append(e.Figures, avow.Figure{Name: "lines looked at", Value: strconv.Itoa(lines)})
	}
	return e, nil
}

// inspect counts the last lines of a day, and those that scrub would still
// change or find something in.
func (s *Section) inspect(day avow.Date) (lines, personal int, err error) {
	f, err := os.Open(s.path(day.String()))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	if info.Size() > looked {
		if _, err := f.Seek(-looked, io.SeekEnd); err != nil {
			return 0, 0, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, looked))
	if err != nil {
		return 0, 0, err
	}
	if info.Size() > looked {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	may := s.declared()
	again := scrub.New(scrub.Rules{Query: s.Query, Format: scrub.Combined})
	var out []byte
	for line := range bytes.Lines(text) {
		lines++
		if out = again.Line(out[:0], line); !bytes.Equal(out, line) || len(scrub.Find(line)) > 0 || !may.network && !bytes.HasPrefix(line, []byte("- ")) {
			personal++
		}
	}
	return lines, personal, nil
}

// Sample is the line that the visit of somebody invented would leave.
func (s *Section) Sample() string {
	r, err := http.NewRequest(http.MethodGet, "/find?q=a+gift+for+ada%40example.com", nil)
	if err != nil {
		return ""
	}
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "203.0.113.77:51234"
	r.Header.Set("Referer", "https://search.example/?q=sextant")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0")
	var e entry
	e.write(s.declared(), s.Clock().UTC(), r, http.StatusOK, 5120)
	line := scrub.New(scrub.Rules{Query: s.Query, Format: scrub.Combined}).Line(nil, e.b)
	return strings.TrimSuffix(string(halve(line, 0, e.only)), "\n")
}
