package stops

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

// A journal has every stop before the table has it. It lies beside the keys, so
// that it does not come back with a backup of the data. Each process that stops
// letters has a file of its own: the first line names it, each other line is a
// stop. Stops that come at once are one group, made durable together; each line
// says where its group begins. So a line that cannot be read is one that a crash
// tore, and nobody was told of, unless a later group follows: then somebody has
// damaged the file.
type journal struct {
	dir   string
	reuse bool // nobody else writes: go on with a file that is there

	writing sync.Mutex // held by who writes a group

	mu      sync.Mutex
	next    *group   // gathers lines while another is written
	flying  []*group // written, and not all in the table yet, in order
	file    *os.File // nil before the first stop
	id      [16]byte
	size    int64 // of what is durable
	settled int64 // how much of it the table is known to have
	torn    bool  // a write failed: cut the file before the next
	failed  int   // how often something of this file was not put into the table: it has to be read again
}

// A line is one stop.
type line struct {
	digest      [32]byte
	scope       avow.Purpose
	how         How
	at, learned int64
}

// A group is the lines that one write makes durable.
type group struct {
	lines []line
	open  int // how many appends of it are not in the table yet
	at    int64
	done  bool
	err   error
}

const (
	journalPrefix = "stops-"
	journalHead   = "avow stops 1 "
	lineFixed     = 8 + 8 + 8 + 32 // where its group begins, at, learned, digest
	lineCheck     = 4
)

// text writes a line of the group that begins at group: the numbers, the digest,
// how and scope, and four bytes to check it by.
func (l *line) text(b []byte, group int64) []byte {
	raw := make([]byte, 0, 128)
	for _, n := range [...]int64{group, l.at, l.learned} {
		raw = binary.BigEndian.AppendUint64(raw, uint64(n))
	}
	raw = append(raw, l.digest[:]...)
	raw = append(append(append(raw, l.how...), ' '), l.scope...)
	check := sha256.Sum256(raw)
	return append(base64.RawStdEncoding.AppendEncode(b, append(raw, check[:lineCheck]...)), '\n')
}

func parseLine(text []byte) (l line, group int64, ok bool) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) < lineFixed+lineCheck {
		return l, 0, false
	}
	raw, check := raw[:len(raw)-lineCheck], raw[len(raw)-lineCheck:]
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:lineCheck], check) {
		return l, 0, false
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(raw[8*i:])) }
	how, scope, ok := strings.Cut(string(raw[lineFixed:]), " ")
	return line{[32]byte(raw[24:]), avow.Purpose(scope), How(how), number(1), number(2)}, number(0), ok
}

// append makes lines durable, together with those of others that wait. Each
// append is to be followed by done.
func (j *journal) append(lines []line) (*group, error) {
	j.mu.Lock()
	if j.next == nil {
		j.next = &group{}
	}
	g := j.next
	g.lines, g.open = append(g.lines, lines...), g.open+1
	j.mu.Unlock()

	j.writing.Lock()
	defer j.writing.Unlock()
	if !g.done {
		j.mu.Lock()
		j.next = nil // who comes now goes with the next
		j.mu.Unlock()
		g.err = j.write(g)
		g.done, g.lines = true, nil
	}
	return g, g.err
}

// write makes a group durable. Only one does at a time; who holds j.writing alone
// changes size and torn.
func (j *journal) write(g *group) error {
	if j.file == nil {
		if err := j.begin(); err != nil {
			return err
		}
	}
	if j.torn {
		if err := j.file.Truncate(j.size); err != nil {
			return err
		}
		j.torn = false
	}
	g.at = j.size
	var text []byte
	for i := range g.lines {
		text = g.lines[i].text(text, g.at)
	}
	_, err := j.file.WriteAt(text, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.torn = true
		return err
	}
	j.mu.Lock()
	j.size += int64(len(text))
	j.flying = append(j.flying, g)
	j.mu.Unlock()
	return nil
}

// begin begins a file of this process.
func (j *journal) begin() error {
	var id [16]byte
	rand.Read(id[:])
	head := journalHead + hex.EncodeToString(id[:]) + "\n"
	f, err := os.OpenFile(filepath.Join(j.dir, journalPrefix+hex.EncodeToString(id[:])), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(head)
	if err = errors.Join(err, f.Sync(), syncFolder(j.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	j.goOn(f, id, int64(len(head)))
	return nil
}

// goOn takes a file to be written from end on.
func (j *journal) goOn(f *os.File, id [16]byte, end int64) {
	j.mu.Lock()
	j.file, j.id, j.size, j.settled = f, id, end, end
	j.mu.Unlock()
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// done says that what was appended with g is in the table, or that it could not be
// put there: then it stays open until it is read again.
func (j *journal) done(g *group, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.failed++
		return
	}
	g.open--
	j.land()
}

// land forgets the groups that are in the table. The caller holds j.mu.
func (j *journal) land() {
	for len(j.flying) > 0 && j.flying[0].open <= 0 {
		j.flying = j.flying[1:]
	}
}

// low is how much of the file the table has for certain. The caller holds j.mu.
func (j *journal) low() int64 {
	if len(j.flying) > 0 {
		return j.flying[0].at
	}
	return j.size
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Settle notes how far the journal is in the table, after it has put there what
// could not be put there at its time.
func (b *Book) Settle(ctx context.Context) error {
	j := b.journal
	j.mu.Lock()
	file, id, low, size, failed := j.file, j.id, j.low(), j.size, j.failed
	moved := low > j.settled || failed > 0
	j.mu.Unlock()
	if !moved {
		return nil
	}
	if failed > 0 {
		end, err := b.replay(ctx, file.Name(), low)
		if err != nil {
			return fmt.Errorf("journal of stops: %w", err)
		}
		low = min(end, size)
		j.mu.Lock()
		for _, g := range j.flying {
			if g.at < low { // what was still under way there is in the table too
				g.open = 0
			}
		}
		j.land()
		j.failed -= failed // and not what failed meanwhile
		j.mu.Unlock()
	}
	if err := b.Store.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.Apply, id, low) }); err != nil {
		return fmt.Errorf("journal of stops: %w", err)
	}
	j.mu.Lock()
	j.settled = low
	j.mu.Unlock()
	return nil
}

// catchUp puts into the table what the journals know and it does not: those of
// this process and of others, which may have been cut off, or whose table was put
// back from a backup.
func (b *Book) catchUp(ctx context.Context) error {
	var latest int64
	if err := b.Store.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Latest, &latest) }); err != nil {
		return err
	}
	b.latest.Store(latest)
	names, err := filepath.Glob(filepath.Join(b.journal.dir, journalPrefix+"*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := b.catchUpWith(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) catchUpWith(ctx context.Context, name string) error {
	id, head, size, err := readHead(name)
	if err != nil || head == 0 { // a crash left no whole first line, and so nothing after it
		return err
	}
	applied := head
	err = b.Store.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Applied, &applied, id) })
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	// A file that is shorter than it was is an older copy. All of it was in the
	// table once, and may not be in this one.
	older := applied > size
	if older || applied < head {
		applied = head
	}
	end := applied
	if applied < size {
		if end, err = b.replay(ctx, name, applied); err != nil {
			return err
		}
		if !older {
			if err := b.Store.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.Apply, id, end) }); err != nil {
				return err
			}
		}
	}
	if older || !b.journal.reuse || b.journal.file != nil {
		return nil
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b.journal.goOn(f, id, end)
	b.journal.torn = end < size
	return nil
}

// readHead reads the first line of a journal: whose it is, and where the stops
// begin; 0 if there is no whole first line.
func readHead(name string) (id [16]byte, head, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return id, 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return id, 0, 0, err
	}
	text := make([]byte, len(journalHead)+2*len(id)+1)
	n, err := f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return id, 0, 0, err
	}
	if info.Size() <= int64(len(text)) && (n < len(text) || text[n-1] != '\n') {
		return id, 0, info.Size(), nil
	}
	rest, ok := bytes.CutPrefix(text, []byte(journalHead))
	if ok {
		_, err = hex.Decode(id[:], bytes.TrimSuffix(rest, []byte("\n")))
	}
	if !ok || err != nil {
		return id, 0, 0, &JournalError{name, 1}
	}
	return id, int64(len(text)), info.Size(), nil
}

// A JournalError says that a journal of stops was damaged: what it says further
// on would be lost if it were passed over.
type JournalError struct {
	File string
	Line int
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("line %d of %s is damaged: put back a copy of that file, from beside a copy of the keys. Nothing was changed", e.Line, e.File)
}

// atOnce is how many stops of a journal go into the table in one commit.
const atOnce = 1000

// replay puts into the table what a journal has from an offset on, and returns
// where it ends. What is there already does not change. Nothing does if the
// journal is damaged.
func (b *Book) replay(ctx context.Context, name string, from int64) (end int64, err error) {
	if end, err = eachLine(name, from, nil); err != nil {
		return 0, err
	}
	var batch []line
	enter := func() error {
		err := b.Store.Commit(ctx, func(tx *store.Tx) error { return b.enterAgain(ctx, tx, batch) })
		batch = nil
		return err
	}
	_, err = eachLine(name, from, func(l line) error {
		if batch = append(batch, l); len(batch) < atOnce {
			return nil
		}
		return enter()
	})
	if err == nil && len(batch) > 0 {
		err = enter()
	}
	return end, err
}

func (b *Book) enterAgain(ctx context.Context, tx *store.Tx, lines []line) error {
	before := tx.Change()
	for _, l := range lines {
		if err := b.apply(ctx, tx, l, false); err != nil {
			return err
		}
	}
	if tx.Change() == before {
		return nil
	}
	_, err := b.Ledger.Fact(ctx, tx, "b", map[string]any{"what": "stopped", "how": "journal", "n": len(lines)})
	return err
}

// eachLine reads the lines of a journal from an offset on, up to where a crash
// tore it: there a line has no end, or zeros in it where nothing was written yet.
func eachLine(name string, from int64, fn func(line) error) (end int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return 0, err
	}
	in := bufio.NewReader(f)
	at, torn := from, int64(-1)
	for {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		l, group, ok := parseLine(bytes.TrimSuffix(text, []byte("\n")))
		switch {
		case !ok && bytes.IndexByte(text, 0) < 0:
			return 0, &JournalError{name, lineNumber(name, at)}
		case ok && torn >= 0 && group > torn: // what is torn was durable once
			return 0, &JournalError{name, lineNumber(name, torn)}
		case ok && fn != nil:
			if err := fn(l); err != nil {
				return 0, err
			}
		case !ok && torn < 0:
			torn = at
		}
		at += int64(len(text))
	}
	if torn >= 0 {
		return torn, nil
	}
	return at, nil
}

// lineNumber is the number of the line that begins at an offset; 0 if nobody can
// tell.
func lineNumber(name string, at int64) int {
	text, err := os.ReadFile(name)
	if err != nil || int64(len(text)) < at {
		return 0
	}
	return bytes.Count(text[:at], []byte("\n")) + 1
}
