package post

import (
	"encoding/json"
	"fmt"
	"net/smtp"
	"sync/atomic"
	"testing"

	"github.com/avow-privacy/avow/internal/mail/listen"
)

// What it costs to take mail, beside a sink that only reads it: 16 senders, each a
// connection, and every mail a question that is sealed, logged and durable before
// it is answered.
func BenchmarkSink(b *testing.B) {
	send(b, startSink(b, listen.Incoming).Address, "Which instruments float?")
}

func BenchmarkQuestions(b *testing.B) {
	send(b, startHouse(b, "").Incoming, "Which instruments float?")
}

func BenchmarkUnsubscribe(b *testing.B) {
	send(b, startHouse(b, "").Incoming, "Please unsubscribe me from your newsletter.")
}

// BenchmarkSubmission: letters that programs hand in, each to somebody who asked
// for it, decided on and queued before it is answered.
func BenchmarkSubmission(b *testing.B) {
	h := startHouse(b, "")
	rows := make([]map[string]string, readers)
	for i := range rows {
		rows[i] = map[string]string{"email": reader(i)}
	}
	body, err := json.Marshal(map[string]any{"rows": rows, "confirmed": true})
	if err != nil {
		b.Fatal(err)
	}
	h.ask("POST", "/v1/imports/newsletter", "application/json", string(body), nil)
	login := smtp.PlainAuth("", "news", h.program("news"), "127.0.0.1")
	b.ResetTimer()
	run(b, h.Submission, login, func(c *smtp.Client, i int) error {
		return one(c, "privacy@harbour.example", reader(i%readers), "Subject: A new barometer\r\n\r\nIt is made of brass.\r\n")
	})
}

const readers = 1000

func reader(i int) string { return fmt.Sprintf("reader%d@town.example", i) }

func send(b *testing.B, to, text string) {
	run(b, to, nil, func(c *smtp.Client, i int) error {
		return one(c, "eve@town.example", "privacy@harbour.example", fmt.Sprintf("From: eve%d@town.example\r\nTo: privacy@harbour.example\r\nSubject: A letter\r\n"+
			"Message-ID: <%d@town.example>\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n\r\n%s\r\n", i, i, text))
	})
}

// run does something over 16 connections.
func run(b *testing.B, to string, login smtp.Auth, do func(c *smtp.Client, i int) error) {
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		c, err := smtp.Dial(to)
		if err == nil && login != nil {
			err = c.Auth(login)
		}
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		for p.Next() {
			if err := do(c, int(n.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func one(c *smtp.Client, from, to, letter string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(letter)); err != nil {
		return err
	}
	return w.Close()
}
