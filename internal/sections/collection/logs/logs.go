// Package logs keeps the server log in its least form, and lets it go in time.
//
// One line is written for each request, in the combined form, after package
// scrub was through with it and before anything touches the disk. What the
// statement does not declare is left out. Without a declared collection by
// visit, or without a folder, nothing is written at all.
//
// It keeps this promise:
//
//	access-log: Our server log holds the network part of your address and the family of your browser and operating system, for 30 days.
package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/scrub"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"collect.visit"}

// Editions finds the statement in force.
type Editions interface {
	InForce() *statement.Edition
}

// Config says where the log is kept. What it may hold is said by the statement.
type Config struct {
	Dir   string           // the folder of its files; nothing is logged if empty
	Clock func() time.Time // tells the time
	Query []string         // keys of queries whose values may stay, as in scrub.Rules
	Queue int              // how many lines may wait to be written; 4096 if 0
}

// Section writes the log.
type Section struct {
	Config
	Editions Editions

	queue   chan *entry
	flush   chan chan struct{}
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once
	fields  atomic.Pointer[fields]
	dropped atomic.Int64 // lines that found the queue full, or were not written

	mu    sync.Mutex // over what follows, which the writer and Expire share
	lines *scrub.Scrubber
	file  *os.File
	day   string // of the open file
	out   []byte
	fault error // why the last line could not be written, if so
}

// New returns a Section. Close it, so that what waits is written.
func New(c Config, e Editions) (*Section, error) {
	if c.Queue == 0 {
		c.Queue = 4096
	}
	s := &Section{Config: c, Editions: e, queue: make(chan *entry, c.Queue), flush: make(chan chan struct{}),
		quit: make(chan struct{}), done: make(chan struct{}), lines: scrub.New(scrub.Rules{Query: c.Query, Format: scrub.Combined})}
	if c.Dir == "" {
		close(s.done)
		return s, nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the server log: %w", err)
	}
	if _, err := s.Expire(context.Background()); err != nil {
		return nil, err
	}
	go s.write()
	return s, nil
}

// visits is the collection by visit that s declares, or nil.
func visits(s *statement.Statement) *statement.Collection {
	for i := range s.Collect {
		if s.Collect[i].By == "visit" {
			return &s.Collect[i]
		}
	}
	return nil
}

// fields are what the statement lets the log hold beside time, page and answer.
type fields struct {
	of                                  *statement.Edition
	log, network, browser, os, referrer bool
}

// declared reads the fields of the statement in force, once for each edition.
func (s *Section) declared() fields {
	now := s.Editions.InForce()
	if f := s.fields.Load(); f != nil && f.of == now {
		return *f
	}
	f := fields{of: now}
	if now != nil {
		if c := visits(now.Statement); c != nil {
			f.log = true
			for _, name := range c.Fields {
				f.take(now.Datum(name.Name))
			}
		}
	}
	s.fields.Store(&f)
	return f
}

// take notes what a datum is: fideslang has a category for addresses, but one
// for all else that tells of a device.
func (f *fields) take(d *statement.Datum) {
	if d == nil {
		return
	}
	says := strings.ToLower(string(d.Name) + " " + d.Say)
	switch {
	case strings.HasSuffix(d.Category, ".ip_address"):
		f.network = true
	case strings.Contains(says, "referr"), strings.Contains(says, "referer"):
		f.referrer = true
	case strings.Contains(says, "browser"):
		f.browser = true
	case strings.Contains(says, "operating system"), d.Name == "os", d.Name == "system", d.Name == "platform":
		f.os = true
	}
}

const (
	prefix = "access-"
	suffix = ".log"
)

// dayOf is the day of a file, if it is one of the log.
func dayOf(name string) (avow.Date, bool) {
	day, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return avow.Date{}, false
	}
	if day, ok = strings.CutSuffix(day, suffix); !ok {
		return avow.Date{}, false
	}
	d, err := avow.ParseDate(day)
	return d, err == nil
}

// files are the days of which there is a log, oldest first.
func (s *Section) files() (days []avow.Date, err error) {
	all, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range all {
		if d, ok := dayOf(f.Name()); ok {
			days = append(days, d)
		}
	}
	return days, err
}

func (s *Section) path(day string) string { return filepath.Join(s.Dir, prefix+day+suffix) }

// Expire deletes the days whose first line is as old as the statement lets a
// line become, and returns how many. Where the statement no longer declares a
// log, none of it stays.
func (s *Section) Expire(context.Context) (gone int, err error) {
	now := s.Editions.InForce()
	if now == nil || s.Dir == "" {
		return 0, nil
	}
	days, err := s.files()
	if err != nil {
		return 0, fmt.Errorf("expire the server log: %w", err)
	}
	c := visits(now.Statement)
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	for _, d := range days {
		if c != nil && s.Clock().Before(c.Keep.After(d.Time())) {
			continue
		}
		if d.String() == s.day {
			s.leave()
		}
		if err := os.Remove(s.path(d.String())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
			continue
		}
		gone++
	}
	if len(all) > 0 {
		return gone, fmt.Errorf("expire the server log: %w", errors.Join(all...))
	}
	return gone, nil
}

// Close writes what waits, and ends the log.
func (s *Section) Close() error {
	s.closing.Do(func() { close(s.quit) })
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}
