package mailing_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// BenchmarkSend says how many letters a second are decided and queued durably, by
// 64 callers with one recipient each and by calls with 100, how many are handed
// over, and in the same run how many a plain SMTP sink takes that syncs each
// message to a file and decides nothing.
func BenchmarkSend(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		h := newHouse(b, cfg)
		const people = 4000
		var all []string
		for i := range people {
			all = append(all, numbered(i))
		}
		together(people, func(i int) { h.gives(all[i], "newsletter") })
		var sink, single, hundred, out time.Duration
		for n := range b.N {
			n *= people
			sink += each(b, plainSink(b), all)
			single += together(people, func(i int) { h.bench(b, all[(n+i)%people]) })
			hundred += together(people/100, func(i int) { h.bench(b, all[i*100:i*100+100]...) }) / 100
			out += together(1, func(int) { h.deliver() }) / time.Duration(2*people)
		}
		if got := h.out.count(); got != 2*people*b.N {
			b.Errorf("%d letters came out", got)
		}
		rate := func(d time.Duration) float64 { return float64(b.N) * float64(time.Second) / float64(d) }
		b.ReportMetric(rate(sink), "sink/s")
		b.ReportMetric(rate(single), "single/s")
		b.ReportMetric(rate(hundred), "hundred/s")
		b.ReportMetric(rate(out), "delivered/s")
		b.ReportMetric(rate(single)/rate(sink), "single/sink")
		b.ReportMetric(0, "ns/op")
	})
}

func (h *house) bench(b *testing.B, to ...string) {
	l := letterFor("news", to...)
	l.Text = strings.Repeat("It is made of brass. ", 80)
	if out, err := h.Send(context.Background(), l); err != nil || out.Queued != len(to) {
		b.Error(out, err)
	}
}

// together runs fn n times from 64 goroutines and returns the time of one.
func together(n int, fn func(i int)) time.Duration {
	begin := time.Now()
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			for i := g; i < n; i += 64 {
				fn(i)
			}
		})
	}
	all.Wait()
	return time.Since(begin) / time.Duration(n)
}

// each sends a letter to each over SMTP, from 64 connections, and returns the time
// of one.
func each(b *testing.B, address string, all []string) time.Duration {
	relay, err := egress.NewRelay(egress.RelayOptions{Address: address, Idle: 64})
	if err != nil {
		b.Fatal(err)
	}
	defer relay.Close()
	text := []byte("Subject: A new barometer\r\n\r\n" + strings.Repeat("It is made of brass. \r\n", 80))
	return together(len(all), func(i int) {
		if err := relay.Send(ctx, "news@harbour.example", all[i], text); err != nil {
			b.Error(err)
		}
	})
}

// plainSink is an SMTP server that syncs each message to a file of its own.
func plainSink(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	dir, n := b.TempDir(), new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go takes(conn, func() string { return filepath.Join(dir, fmt.Sprint(n.Add(1))) })
		}
	}()
	return l.Addr().String()
}

func takes(conn net.Conn, name func() string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = conn.Write([]byte(text + "\r\n")) }
	say("220 sink")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case verb == "DATA":
			say("354 go on")
			f, err := os.Create(name())
			if err != nil {
				return
			}
			for line = ""; line != ".\r\n"; {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				_, _ = f.WriteString(line)
			}
			_ = f.Sync()
			_ = f.Close()
			say("250 kept")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
