package vault

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
)

func contact(p *place) Record {
	return Record{Collection: "contact", Version: 1, Expires: p.now.Add(time.Hour), Values: values("message", "hello")}
}

func epochsOf(t testing.TB, p *place) (e Epochs, rows []int64) {
	t.Helper()
	err := p.db.View(ctx, func(tx *store.Tx) (err error) {
		if e, err = p.Epochs(ctx, tx); err != nil {
			return err
		}
		return tx.Each(ctx, "SELECT DISTINCT epoch FROM vault_subject ORDER BY epoch", func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			rows = append(rows, n)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, rows
}

// After a rotation everything opens, nothing stands under the epoch before, and
// its key is nowhere; so what was copied before, and erased since, does not open.
func TestRotate(t *testing.T) { each(t, testRotate) }

func testRotate(t *testing.T, p *place) {
	const batch = 50
	p.batch = batch
	began := p.now
	_, ids := p.fill(t, batch+10)
	var epoch int64
	var wrapped []byte
	eve := p.leads(t, By{Field: "email", Value: addressOf(7)})
	read := func(tx *store.Tx) error { return tx.Get(ctx, q.Subject, store.Into(&epoch, &wrapped), eve) }
	if err := p.db.View(ctx, read); err != nil {
		t.Fatal(err)
	}
	if e, _ := epochsOf(t, p); e.Current != 1 || !e.Since.Equal(began) || e.Unfinished {
		t.Error("at first:", e)
	}
	p.now = p.now.Add(time.Hour)
	var entered []int64
	var last [2]int64
	destroyed, err := p.Rotate(ctx, func(ctx context.Context, tx *store.Tx, n int64) error {
		entered = append(entered, n)
		return nil
	}, func(done, total int64) { last = [2]int64{done, total} })
	if err != nil || !slices.Equal(destroyed, []int64{1}) || !slices.Equal(entered, []int64{1}) || last != [2]int64{batch + 10, batch + 10} {
		t.Error(err, destroyed, entered, last)
	}
	if e, rows := epochsOf(t, p); e.Current != 2 || !e.Since.Equal(p.now) || e.Unfinished || !slices.Equal(rows, []int64{2}) {
		t.Error("afterwards:", e, rows)
	}
	if faults := p.faults(t); faults != nil {
		t.Error(faults)
	}
	for _, id := range ids {
		c, err := p.get(t, id)
		if err == nil {
			_, err = c.Open("message")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.keys.Unwrap(epoch, wrapped, eve); err == nil {
		t.Error("a copy of the wrapped key still opens")
	}
	if got := p.keys.Epochs(); !slices.Equal(got, []int64{2}) {
		t.Error("keys of epochs:", got)
	}
}

// Nothing that is done meanwhile is lost or left under the old epoch.
func TestRotateWhileOthersWork(t *testing.T) { each(t, testRotateWhileOthersWork) }

func testRotateWhileOthersWork(t *testing.T, p *place) {
	p.batch = 50
	p.fill(t, 230)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			_, who := p.put(t, fmt.Sprint("new", i), contact(p))
			if i%3 == 0 {
				p.commit(t, func(tx *store.Tx) error { return p.Erase(ctx, tx, who) })
			}
		}
	}()
	for range 3 {
		if _, err := p.Rotate(ctx, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	if _, rows := epochsOf(t, p); !slices.Equal(rows, []int64{4}) {
		t.Error("epochs in use:", rows)
	}
	if faults := p.faults(t); faults != nil {
		t.Error(faults)
	}
}

// An epoch that a key is wrapped under cannot go, whoever tries.
func TestEpochInUseStays(t *testing.T) { each(t, testEpochInUseStays) }

func testEpochInUseStays(t *testing.T, p *place) {
	p.put(t, "eve", contact(p))
	err := p.db.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.DropEpoch, 1) })
	if err == nil {
		t.Error("the epoch is gone, and its subjects with it")
	}
	if err := p.keys.DropEpoch(1); err == nil {
		t.Error("the key in use was destroyed")
	}
}

// A key that does not open keeps its epoch from ending, and is named; when its
// subject is erased the rotation goes on.
func TestRotateOverDamage(t *testing.T) { each(t, testRotateOverDamage) }

func testRotateOverDamage(t *testing.T, p *place) {
	_, eve := p.put(t, "eve", contact(p))
	p.put(t, "bob", contact(p))
	p.meddle(t, "UPDATE vault_subject SET wrapped = $2 WHERE id = $1", eve, []byte{0})
	_, err := p.Rotate(ctx, nil, nil)
	if err == nil || !strings.Contains(err.Error(), eve.String()) {
		t.Error("damage was not said:", err)
	}
	if e, rows := epochsOf(t, p); !e.Unfinished || !slices.Equal(rows, []int64{1, 2}) {
		t.Error(e, rows)
	}
	p.commit(t, func(tx *store.Tx) error { return p.Erase(ctx, tx, eve) })
	if _, err := p.Rotate(ctx, nil, nil); err != nil {
		t.Error(err)
	}
	if e, rows := epochsOf(t, p); e.Unfinished || !slices.Equal(rows, []int64{e.Current}) {
		t.Error(e, rows)
	}
}

// If the end of an epoch cannot be entered in the log, its key stays.
func TestRotateEntersFirst(t *testing.T) { each(t, testRotateEntersFirst) }

func testRotateEntersFirst(t *testing.T, p *place) {
	p.put(t, "eve", contact(p))
	full := errors.New("the log is full")
	_, err := p.Rotate(ctx, func(context.Context, *store.Tx, int64) error { return full }, nil)
	if e, _ := epochsOf(t, p); !errors.Is(err, full) || e.Current != 2 || !slices.Equal(p.keys.Epochs(), []int64{1, 2}) {
		t.Error(err, e, p.keys.Epochs())
	}
}

// Two processes over one database share the place of their keys: the one that
// does not rotate learns of the new epoch by the first row under it.
func TestRotateBesideAReplica(t *testing.T) { each(t, testRotateBesideAReplica) }

func testRotateBesideAReplica(t *testing.T, p *place) {
	id, _ := p.put(t, "eve", contact(p))
	keys, err := seal.Open("file:"+filepath.Join(p.dir, "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	replica := &place{db: p.db, keys: keys, now: p.now}
	if replica.Vault, err = Open(ctx, p.db, keys, Options{}); err != nil {
		t.Fatal(err)
	}
	old, err := keys.EpochCheck(1)
	if err != nil || len(old) == 0 {
		t.Fatal(err)
	}
	if _, err := p.Rotate(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	if c, err := replica.get(t, id); err != nil {
		t.Error("a row of the new epoch:", err)
	} else if _, err := c.Open("message"); err != nil {
		t.Error(err)
	}
	if got := keys.Epochs(); !slices.Equal(got, []int64{2}) || keys.Epoch() != 2 {
		t.Error("the replica has the keys of", got, "and uses", keys.Epoch())
	}
	replica.put(t, "bob", contact(p))
	if err := replica.Refresh(ctx); err != nil {
		t.Error(err)
	}
}

// Refresh is how a replica that saw no row of a new epoch learns of it.
func TestRefresh(t *testing.T) { each(t, testRefresh) }

func testRefresh(t *testing.T, p *place) {
	keys, err := seal.Open("file:"+filepath.Join(p.dir, "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	replica, err := Open(ctx, p.db, keys, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Rotate(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := replica.Refresh(ctx); err != nil || keys.Epoch() != 2 {
		t.Error(err, keys.Epoch())
	}
	if got := keys.Epochs(); !slices.Equal(got, []int64{2}) {
		t.Error("the replica still has the key of an epoch that ended:", got)
	}
}

// Processes that start over an empty database at the same time agree on its
// first epoch, and who brings other keys is told.
func TestFirstEpoch(t *testing.T) { each(t, testFirstEpoch) }

func testFirstEpoch(t *testing.T, p *place) {
	if err := p.begin(ctx, 1); err != nil {
		t.Error("once more with the same keys:", err)
	}
	other, err := seal.Create("file:"+filepath.Join(t.TempDir(), "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wrong *KeysError
	if err := (&Vault{db: p.db, keys: other}).begin(ctx, 1); !errors.As(err, &wrong) {
		t.Error("with other keys:", err)
	}
}

var (
	rotateIn = flag.String("vault.rotate-in", "", "rotate the keys in this folder until killed; for TestKilledRotation's own use")
	kills    = flag.Int("vault.kills", 8, "how often TestKilledRotation kills")
)

// Killed at any point, a rotation goes on where it was: every key opens, before
// and after, and no key of an ended epoch is left when it is done.
func TestKilledRotation(t *testing.T) {
	if *rotateIn != "" {
		rotateForEver(t)
	}
	dir := t.TempDir()
	data := store.Config{Path: filepath.Join(dir, "data")}
	p := openAt(t, data, dir)
	_, ids := p.fill(t, 3*wrapAtOnce)
	p.db.Close()
	unfinished := 0
	for round := range *kills {
		killRotation(t, dir)
		p := openAt(t, data, dir)
		if e, _ := epochsOf(t, p); e.Unfinished {
			unfinished++
		}
		id, _ := p.put(t, fmt.Sprint("after ", round), contact(p))
		ids = append(ids, id)
		for _, id := range []avow.RecordID{ids[0], ids[len(ids)/2], ids[len(ids)-2], id} {
			if c, err := p.get(t, id); err != nil {
				t.Fatal(round, err)
			} else if _, err := c.Open("message"); err != nil {
				t.Fatal(round, err)
			}
		}
		if round%4 == 3 {
			if _, err := p.Rotate(ctx, nil, nil); err != nil {
				t.Fatal(round, err)
			}
			e, rows := epochsOf(t, p)
			files, err := filepath.Glob(filepath.Join(dir, "keys", "*epoch*"))
			if err != nil || len(files) != 1 || e.Unfinished || !slices.Equal(rows, []int64{e.Current}) {
				t.Error(round, err, files, e, rows)
			}
		}
		s := p.scan(t)
		if len(s.Faults) > 0 || s.Rows != int64(3*len(ids)) {
			t.Fatal(round, s.Rows, s.Faults)
		}
		p.db.Close()
	}
	t.Logf("%d of %d were killed half way", unfinished, *kills)
}

// killRotation lets another process rotate, and kills it at a random moment.
func killRotation(t *testing.T, dir string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilledRotation$", "-vault.rotate-in="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 1 + rand.IntN(6) {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "at ") {
			t.Error("the process that rotates said:", lines.Text())
			break
		}
	}
	time.Sleep(time.Duration(rand.IntN(12000)) * time.Microsecond)
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	c.Wait()
}

func rotateForEver(t *testing.T) {
	p := openAt(t, store.Config{Path: filepath.Join(*rotateIn, "data")}, *rotateIn)
	for {
		fmt.Println("at begin")
		_, err := p.Rotate(ctx, func(context.Context, *store.Tx, int64) error { fmt.Println("at end"); return nil },
			func(done, total int64) { fmt.Println("at", done) })
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// Renew keeps the key of the epoch before, for backups, and no other.
func TestRenew(t *testing.T) { each(t, testRenew) }

func testRenew(t *testing.T, p *place) {
	p.put(t, "eve", contact(p))
	for n := int64(2); n < 6; n++ {
		destroyed, err := p.Renew(ctx, nil, nil)
		if err != nil || n > 2 && !slices.Equal(destroyed, []int64{n - 2}) || n == 2 && destroyed != nil {
			t.Fatal("destroyed:", destroyed, err)
		}
		if e, rows := epochsOf(t, p); e.Unfinished || e.Current != n || !slices.Equal(rows, []int64{n}) || !slices.Equal(p.keys.Epochs(), []int64{n - 1, n}) {
			t.Fatal(e, rows, p.keys.Epochs())
		}
	}
	if _, err := p.Rotate(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.keys.Epochs(); len(got) != 1 {
		t.Error("what is rotated at once keeps none:", got)
	}
}
