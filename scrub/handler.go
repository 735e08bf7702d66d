package scrub

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
)

// Handler returns a handler that scrubs records on their way to next: message,
// keys and values, in groups too; what an error, a Stringer or a LogValuer says
// like any other text. Time, level and source stay. A value that is no basic
// one of slog becomes the text that fmt makes of it, scrubbed. Under keys such as
// password nothing stays. Any number of goroutines may use it.
func (s *Scrubber) Handler(next slog.Handler) slog.Handler {
	return &handler{next: next, desk: &desk{s: s.fork()}}
}

type handler struct {
	next slog.Handler
	desk *desk
}

// A desk scrubs for one at a time.
type desk struct {
	mu  sync.Mutex
	s   *Scrubber
	in  []byte
	out []byte
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.next.WithGroup(h.desk.text(name)), h.desk}
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.next.WithAttrs(h.desk.attrs(attrs)), h.desk}
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	scrubbed := slog.NewRecord(r.Time, r.Level, h.desk.text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		scrubbed.AddAttrs(h.desk.attr(a))
		return true
	})
	return h.next.Handle(ctx, scrubbed)
}

func (d *desk) attrs(all []slog.Attr) []slog.Attr {
	scrubbed := make([]slog.Attr, len(all))
	for i, a := range all {
		scrubbed[i] = d.attr(a)
	}
	return scrubbed
}

func (d *desk) attr(a slog.Attr) slog.Attr {
	is := roleOf([]byte(a.Key))
	if is == isMoment || is == isPort {
		is = noRole
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindTime:
		return slog.Attr{Key: d.text(a.Key), Value: v}
	case slog.KindGroup:
		return slog.Attr{Key: d.text(a.Key), Value: slog.GroupValue(d.attrs(v.Group())...)}
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		if text := say(v); d.value(text, is) == text {
			return slog.Attr{Key: d.text(a.Key), Value: v}
		}
	}
	return slog.String(d.text(a.Key), d.value(say(v), is))
}

// say is what a value says of itself. It is asked before the desk is taken:
// what it runs may write to a log too.
func say(v slog.Value) string {
	if v.Kind() == slog.KindFloat64 {
		return strconv.FormatFloat(v.Float64(), 'f', -1, 64)
	}
	if v.Kind() != slog.KindAny {
		return v.String()
	}
	switch x := v.Any().(type) {
	case []byte:
		return string(x)
	case fmt.Stringer, error:
		return fmt.Sprint(x)
	default:
		return fmt.Sprintf("%+v", x)
	}
}

func (d *desk) text(b string) string { return d.value(b, noRole) }

func (d *desk) value(b string, is role) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = append(d.in[:0], b...)
	if is == noRole {
		d.out = d.s.Text(d.out[:0], d.in)
	} else {
		d.s.day = nil
		d.out = d.s.value(d.out[:0], d.in, is)
	}
	if string(d.out) == b {
		return b
	}
	return string(d.out)
}
