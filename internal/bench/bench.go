// Package bench measures a house against a bare net/http handler in the same run.
//
// Both sides take the same requests over loopback, in short rounds that
// alternate, so that both see the same machine. What counts is the ratio.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"time"
)

// Options say how to measure.
type Options struct {
	Connections int
	Seconds     float64          // per measure and side
	Subjects    int              // kept before anything is measured
	DB          string           // postgres://… of an empty database; SQLite if empty
	Dir         string           // an empty folder for everything else
	Clock       func() time.Time // it has to go on by itself
	Profile     io.Writer        // takes a CPU profile of what is measured; may be nil
	Progress    func(what string, done, total int64)
	Only        []string // these measures; all if empty
}

// A Result is one measure. For all but ledger-tax, per_s is what the house did
// in a second, bare_per_s what the bare handler did, and ratio the one by the
// other. For ledger-tax, per_s is creates with their entry in the log,
// bare_per_s is creates without, and ratio the second by the first.
type Result struct {
	Name        string  `json:"name"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"per_s"`
	Bare        float64 `json:"bare_per_s"`
	Ratio       float64 `json:"ratio"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	BareP99     float64 `json:"bare_p99_ms"`
}

// Names are those of the measures, in the order in which they are reported.
var Names = []string{"create", "read-email", "read-id", "update", "erase", "decide", "receipt", "letter", "ledger-tax"}

// ErrAnswers says that some answers were errors: then nothing was measured.
var ErrAnswers = errors.New("answers were errors")

// Run measures everything.
func Run(ctx context.Context, o Options) (results []Result, err error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	r := &run{Options: o}
	if r.wants("ledger-tax") && len(o.Only) == 1 {
		return r.tax(ctx, nil)
	}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.fill(ctx); err != nil {
		return nil, err
	}
	if o.Profile != nil {
		if err := pprof.StartCPUProfile(o.Profile); err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	for _, m := range r.measures() {
		if !r.wants(m.name) {
			continue
		}
		result, err := r.measure(ctx, m)
		if err != nil {
			return results, fmt.Errorf("%s: %w", m.name, err)
		}
		results = append(results, result)
	}
	if !r.wants("ledger-tax") {
		return results, nil
	}
	if err := r.close(); err != nil {
		return results, err
	}
	return r.tax(ctx, results)
}

func (r *run) wants(name string) bool {
	for _, only := range r.Only {
		if only == name {
			return true
		}
	}
	return len(r.Only) == 0
}

// slice is how long one side is asked before it is the other's turn.
const slice = 500 * time.Millisecond

// measure compares the two sides.
func (r *run) measure(ctx context.Context, m measure) (Result, error) {
	house, err := connect(r.addr, r.Connections, r.Clock)
	if err != nil {
		return Result{}, err
	}
	defer house.close()
	bare, err := connect(r.bareAddr, r.Connections, r.Clock)
	if err != nil {
		return Result{}, err
	}
	defer bare.close()
	if m.before != nil {
		if err := m.before(ctx, house); err != nil {
			return Result{}, err
		}
	}
	// The first answer says how long the bare one's have to be.
	if err := r.sample(house.conns[0], m); err != nil {
		return Result{}, err
	}
	total := time.Duration(r.Seconds * float64(time.Second))
	one := min(slice, total)
	rounds := int64(max(1, total/one))
	for n := range rounds + 1 {
		if n == 1 {
			house.forget() // the first round is to get warm
			bare.forget()
		}
		if err := errors.Join(bare.round(ctx, m.bare, one), house.round(ctx, m.house, one)); err != nil {
			return Result{}, err
		}
		r.Progress(m.name, n, rounds)
	}
	if house.bad+bare.bad > 0 {
		return Result{}, fmt.Errorf("%w: %d of %d of the house, %d of %d of the bare handler: %s%s",
			ErrAnswers, house.bad, house.done, bare.bad, bare.done, house.says, bare.says)
	}
	if house.done == 0 {
		return Result{}, errors.New("nothing was answered in the time")
	}
	took, bareTook := house.took(), bare.took()
	return Result{m.name, r.Connections, house.perSecond(), bare.perSecond(), house.perSecond() / bare.perSecond(),
		at(took, 0.50), at(took, 0.99), at(bareTook, 0.99)}, nil
}

func (r *run) sample(c *conn, m measure) error {
	request := m.house.ask(nil)
	if request == nil {
		return errors.New("there is nothing to ask about: give more --subjects")
	}
	a, err := c.do(request)
	if err != nil {
		return err
	}
	if a.status/100 != 2 {
		return fmt.Errorf("%w: %d %.300s", ErrAnswers, a.status, a.body)
	}
	if m.house.seen != nil {
		m.house.seen(a.body)
	}
	r.bare.answers(len(a.body))
	return nil
}
