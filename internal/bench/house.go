package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/server"
)

// A run is the house that is measured, the handler beside it, and what the
// requests are made of.
type run struct {
	Options
	server   *server.Server
	stop     []func()
	addr     string
	bareAddr string
	bare     bare
	token    string
	client   *client.Client

	next    atomic.Int64 // numbers the persons who come
	known   int64        // persons who stay, numbered from 0
	records []string     // of some of them
	links   []string     // to receipts

	mu    sync.Mutex
	leave []string // subjects who may be erased
}

func (r *run) keys() string { return "file:" + filepath.Join(r.Dir, "keys") }

// open starts the house and the handler on loopback.
func (r *run) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	r.server, err = server.New(ctx, server.Config{Data: filepath.Join(r.Dir, "data"), DB: r.DB, Keys: r.keys(), Clock: r.Clock,
		Statement: harbour.Statement, StatementName: "examples/harbour/statement.md"})
	if err != nil {
		return err
	}
	jobs, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { r.server.Run(jobs) })
	r.stop = append(r.stop, func() { end(); running.Wait() })
	if r.addr, err = r.serve(r.server.Private()); err != nil {
		return err
	}
	if r.bareAddr, err = r.serve(&r.bare); err != nil {
		return err
	}
	keys, err := seal.Open(r.keys(), seal.Options{})
	if err != nil {
		return err
	}
	defer keys.Close()
	r.token = keys.Token()
	r.client, err = client.New("http://" + r.addr)
	return err
}

func (r *run) serve(h http.Handler) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go s.Serve(l)
	r.stop = append(r.stop, func() { _ = s.Close() })
	return l.Addr().String(), nil
}

// close ends what open started; more than once does no harm.
func (r *run) close() error {
	for i := len(r.stop) - 1; i >= 0; i-- {
		r.stop[i]()
	}
	r.stop = nil
	if r.server == nil {
		return nil
	}
	err := r.server.Close()
	r.server = nil
	return err
}

// message makes a record 600 bytes of JSON, together with name and e-mail
// address.
var message = strings.Repeat("The tide clock runs four minutes fast. ", 13)

func values(n int64) client.Values {
	return client.Values{"name": fmt.Sprintf("Person %08d", n), "email": fmt.Sprintf("p%08d@bench.example", n), "message": message}
}

// sampled is how many persons are handed over one by one, so that records and
// receipts are known, and how many records are looked up at once.
func (r *run) sampled() int64 { return max(20, min(500, int64(r.Subjects)/4)) }

// fill lets persons in before anything is measured.
func (r *run) fill(ctx context.Context) error {
	if err := r.importAll(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if err := r.collectSome(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	r.next.Store(r.known)
	for range max(1, min(10, r.known/r.sampled())) {
		if err := r.readSome(ctx); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return nil
}

// importAll imports twice at a time: while one chunk becomes durable the next is
// read.
func (r *run) importAll(ctx context.Context) error {
	total := int64(r.Subjects)
	var next atomic.Int64
	var failed error
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for {
				first := next.Add(client.MaxAtOnce) - client.MaxAtOnce
				if first >= total {
					return
				}
				err := r.importSome(ctx, first, min(client.MaxAtOnce, total-first))
				r.mu.Lock()
				failed = errors.Join(failed, err)
				stop := failed != nil
				r.known += min(client.MaxAtOnce, total-first)
				r.Progress("fill", r.known, total)
				r.mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	both.Wait()
	return failed
}

func (r *run) importSome(ctx context.Context, first, n int64) error {
	rows := make(client.Rows, n)
	for i := range rows {
		rows[i] = values(first + int64(i))
	}
	in, err := r.client.Import(ctx, r.token, "contact", rows)
	if err == nil && in.Accepted != len(rows) {
		err = fmt.Errorf("%d of %d rows were refused", len(in.Refused), len(rows))
	}
	return err
}

func (r *run) collectSome(ctx context.Context) error {
	var operations []client.Operation
	for i := range r.sampled() {
		operations = append(operations, client.Operation{Do: "collect", Collection: "contact", Values: values(r.known + i)})
	}
	err := batch(ctx, r, operations, func(c *client.Collected) { r.links = append(r.links, path.Base(c.Link)) })
	r.known += r.sampled()
	return err
}

// readSome finds records of persons anywhere among those who are known.
func (r *run) readSome(ctx context.Context) error {
	var operations []client.Operation
	for range r.sampled() {
		operations = append(operations, client.Operation{Do: "read", Collection: "contact", Purpose: "reply", Actor: actor,
			Where: client.Values{"email": values(rand.Int64N(r.known))["email"]}})
	}
	return batch(ctx, r, operations, func(reading *client.Reading) {
		for _, record := range reading.Records {
			r.records = append(r.records, record.ID)
		}
	})
}

func batch[T any](ctx context.Context, r *run, operations []client.Operation, seen func(*T)) error {
	results, err := r.client.Batch(ctx, r.token, operations)
	if err != nil {
		return err
	}
	for _, result := range results {
		var out T
		if err := result.Into(&out); err != nil {
			return err
		}
		seen(&out)
	}
	return nil
}

const actor avow.Actor = "bench"
