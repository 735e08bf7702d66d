package receipt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A folder is a log as its files.
type folder map[string][]byte

func (f folder) fetch(path string) ([]byte, error) {
	data, ok := f[path]
	if !ok {
		return nil, errors.New("no such part")
	}
	return data, nil
}

func (l *testLog) folder(t testing.TB) folder {
	f := folder{"vkey": []byte(l.key + "\n"), "checkpoint": l.checkpoint(t, len(l.entries))}
	bundle := map[int][]byte{}
	for i, e := range l.entries {
		n := i / 256
		bundle[n] = append(binary.BigEndian.AppendUint16(bundle[n], uint16(len(e))), e...)
	}
	for n, data := range bundle {
		f[Tile{Entries, int64(n), min(256, len(l.entries)-256*n)}.Path()] = data
	}
	for level, span := 0, 1; span <= len(l.entries); level, span = level+1, span*256 {
		count := len(l.entries) / span
		for n := 0; n*256 < count; n++ {
			var tile []byte
			for i := n * 256; i < min(count, n*256+256); i++ {
				h := mth(l.entries[i*span : (i+1)*span])
				tile = append(tile, h[:]...)
			}
			f[Tile{level, int64(n), len(tile) / 32}.Path()] = tile
		}
	}
	return f
}

func TestCheckLog(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 700} {
		l := newLog(t, "harbour.example/log", n)
		f := l.folder(t)
		var done int64
		report, err := CheckLog(f.fetch, LogOptions{Key: l.key, Progress: func(d, total int64) {
			if done = d; total != int64(n) {
				t.Error("total", total)
			}
		}})
		if err != nil {
			t.Fatalf("log of %d: %v", n, err)
		}
		want := &LogReport{Origin: l.name, Size: int64(n), Root: mth(l.entries), Key: l.key, Pinned: true, Kinds: map[string]int64{}}
		if n > 0 {
			want.Kinds["e"] = int64(n - n/7)
		}
		if n > 6 {
			want.Kinds["s"] = int64(n / 7)
		}
		if diff := cmp.Diff(want, report); diff != "" || done != int64(n) {
			t.Error(n, done, diff)
		}
		for _, old := range []int{0, 1, n / 2, n} {
			if old > n {
				continue
			}
			report, err := CheckLog(f.fetch, LogOptions{Old: l.checkpoint(t, old)})
			if err != nil || report.Old != int64(old) || report.Pinned {
				t.Errorf("log of %d, held to %d: %v %+v", n, old, err, report)
			}
		}
	}
}

// Any byte of any part that is changed, and any part that is missing, is
// noticed.
func TestCheckLogNotices(t *testing.T) {
	l := newLog(t, "harbour.example/log", 300)
	sound := l.folder(t)
	for path, data := range sound {
		f := folder{}
		for p, d := range sound {
			f[p] = d
		}
		delete(f, path)
		if _, err := CheckLog(f.fetch, LogOptions{}); err == nil {
			t.Errorf("nobody misses %s", path)
		}
		for i := 0; i < len(data); i += 1 + len(data)/40 {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			f[path] = changed
			if _, err := CheckLog(f.fetch, LogOptions{}); err == nil {
				t.Errorf("byte %d of %s was changed", i, path)
			}
		}
		f[path] = append(bytes.Clone(data), 'x')
		if _, err := CheckLog(f.fetch, LogOptions{}); err == nil {
			t.Errorf("%s grew", path)
		}
	}
}

func TestCheckLogHistory(t *testing.T) {
	l, other := newLog(t, "harbour.example/log", 30), newLog(t, "elsewhere.example/log", 30)
	changed := newLog(t, "harbour.example/log", 30)
	changed.entries[3] = changed.entries[4]
	for name, c := range map[string]struct {
		log  *testLog
		o    LogOptions
		says string
	}{
		"forked":           {changed, LogOptions{Old: l.checkpoint(t, 20)}, "was changed"},
		"shrunk":           {l, LogOptions{Old: newLog(t, "harbour.example/log", 31).checkpoint(t, 31)}, "has shrunk"},
		"another's old":    {l, LogOptions{Old: other.checkpoint(t, 20)}, "earlier checkpoint"},
		"another's key":    {l, LogOptions{Key: other.key}, "not signed by"},
		"rubbish as a key": {l, LogOptions{Key: "rubbish"}, "not a log's key"},
	} {
		if _, err := CheckLog(c.log.folder(t).fetch, c.o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
