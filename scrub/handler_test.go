package scrub_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/scrub"
)

type person struct{ Mail string }

func (p person) String() string { return "person " + p.Mail }

type secretive struct{ mail string }

func (s secretive) LogValue() slog.Value {
	return slog.GroupValue(slog.String("mail", s.mail), slog.Any("inner", person{s.mail}))
}

// TestHandler logs the same address by every way that slog has.
func TestHandler(t *testing.T) {
	const mail = "planted@example.com"
	var out bytes.Buffer
	for _, next := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		l := slog.New(scrub.New(scrub.Rules{}).Handler(next))
		l.Info("to "+mail, "plain", mail, mail, "key")
		l.With("with", mail).WithGroup(mail).Info("x", slog.Group("g", slog.String("a", mail), slog.Group("h", "b", mail)))
		l.Error("x", "err", fmt.Errorf("send: %w", errors.New(mail)), "stringer", person{mail}, "valuer", secretive{mail},
			"pointer", &person{mail}, "struct", struct{ A, B any }{mail, []string{mail}}, "list", []string{mail, "x"}, "map", map[string]string{mail: "planted@example.com"},
			"bytes", []byte(mail), "nil", (*person)(nil), "any", any(mail), "number", int64(4111111111111111), "float", 4111111111111111.0,
			"remote_addr", "203.0.113.7:1234", "user_agent", "Mozilla/5.0 Firefox", "token", 12345)
	}
	got := out.String()
	for _, left := range []string{"planted", "203.0.113.7", "4111111111111111", "1234"} {
		if strings.Contains(strings.ReplaceAll(got, time.Now().Format("2006"), ""), left) {
			t.Errorf("%s is in\n%s", left, got)
		}
	}
	if found := scrub.Find(out.Bytes()); len(found) > 0 {
		t.Errorf("%v in\n%s", found, got)
	}
}

// TestHandlerKeeps holds that time, level and what is harmless stay as they are.
func TestHandlerKeeps(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 123456789, time.UTC)
	log := func(wrap func(slog.Handler) slog.Handler) string {
		var out bytes.Buffer
		h := wrap(slog.NewJSONHandler(&out, nil)).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("n", 42)})
		r := slog.NewRecord(at, slog.LevelWarn, "served 3 pages", 0)
		r.AddAttrs(slog.Duration("took", time.Second), slog.Bool("ok", true), slog.Time("at", at), slog.Float64("f", 0.25), slog.String("s", "a b"))
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	plain := log(func(h slog.Handler) slog.Handler { return h })
	if got := log(scrub.New(scrub.Rules{}).Handler); got != plain {
		t.Errorf("got  %swant %s", got, plain)
	}
}

func TestWriterLongLines(t *testing.T) {
	var out bytes.Buffer
	w := scrub.New(scrub.Rules{}).Writer(&out)
	long := strings.Repeat("x", scrub.MaxLine-10) + " ada@example.com"
	for _, piece := range []string{long, "\nshort\n", long + "\n", long} {
		if n, err := io.WriteString(w, piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "[long]\nshort\n[long]\n[long]" {
		t.Errorf("got %.100q", got)
	}
}

// TestWriterKeepsLittle writes a line without end: no more of it is kept than
// a line may have.
func TestWriterKeepsLittle(t *testing.T) {
	w := scrub.New(scrub.Rules{}).Writer(io.Discard)
	piece := bytes.Repeat([]byte("x"), 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 512 {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 8<<20 {
		t.Errorf("%d bytes were kept of a line of 32 MiB", after.TotalAlloc-before.TotalAlloc)
	}
}

func TestToken(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	s := scrub.New(scrub.Rules{Token: true, Clock: func() time.Time { return now }})
	of := func(ip, day string) string {
		got := string(s.Line(nil, []byte(ip+" - - ["+day+"/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1")))
		token, _, _ := strings.Cut(got, " ")
		if strings.Contains(got, "203") || !strings.HasPrefix(token, "[visitor-") {
			t.Errorf("got %s", got)
		}
		return token
	}
	one := of("203.0.113.7", "24")
	if of("203.0.113.7", "24") != one || of("203.0.113.7:443", "24") != one {
		t.Error("one visitor has two tokens on one day")
	}
	if of("203.0.113.8", "24") == one || of("203.0.113.7", "25") == one {
		t.Error("two visitors, or two days, have one token")
	}
	now = now.AddDate(0, 0, 1)
	if of("203.0.113.7", "24") == one {
		t.Error("the key outlives its day")
	}
}

func TestMinute(t *testing.T) {
	for in, want := range map[string]string{
		`203.0.113.7 - - [24/Nov/2026:10:00:59 +0000] "GET / HTTP/1.1" 200 1`: `203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1`,
		`{"ts":1764000059.25}`:                            `{"ts":1764000000}`,
		`{"time":"2026-11-24T10:00:59.123Z"}`:             `{"time":"2026-11-24T10:00:00Z"}`,
		`{"time_local":"24/Nov/2026:10:00:59 +0000"}`:     `{"time_local":"24/Nov/2026:10:00:00 +0000"}`,
		`{"msec":"1764000059.250","StartUTC":"10:00:59"}`: `{"msec":"1764000000","StartUTC":"10:00:00"}`,
	} {
		if got := line(scrub.Rules{Minute: true}, in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
