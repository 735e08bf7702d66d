package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// bulk adds an entry for n events to the log, and returns what the receipt of
// the i-th carries beside the proof.
func (l *testLog) bulk(t testing.TB, n, i int) Extra {
	t.Helper()
	x := Extra{EntryKey: sha256.Sum256([]byte("key")), LogKey: l.key, Payload: l.events[0].Payload}
	c := Commit(x.EntryKey, x.Payload)
	members := make([][]byte, n)
	for j := range members {
		h := sha256.Sum256(fmt.Append(nil, j))
		members[j] = h[:]
	}
	members[i] = c[:]
	root := mth(members)
	entry, err := Fact("b", map[string]any{"at": "2026-11-24T08:00:00Z", "what": "import", "n": n, "root": base64.StdEncoding.EncodeToString(root[:])})
	if err != nil {
		t.Fatal(err)
	}
	x.Bulk = &Bulk{Entry: entry, Index: int64(i), Path: path(i, members)}
	l.entries, l.events = append(l.entries, entry), append(l.events, x)
	return x
}

// witnessKey is made from the name, so that golden files stay the same.
func witnessKey(name string) (string, ed25519.PrivateKey) {
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	return CosignerKey(name, private.Public().(ed25519.PublicKey)), private
}

func (l *testLog) cosign(t testing.TB, signed []byte, name string, at int64) string {
	t.Helper()
	key, private := witnessKey(name)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	line, err := CosignatureLine(key, at, ed25519.Sign(private, CosignatureText(text+"\n", at)))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// full is a receipt of a member of a bulk, against a checkpoint that two
// witnesses have cosigned.
func (l *testLog) full(t testing.TB, n, i int) []byte {
	t.Helper()
	x := l.bulk(t, n, i)
	last := len(l.entries) - 1
	p := Proof{Index: int64(last), Path: path(last, l.entries), Checkpoint: l.checkpoint(t, last+1), Extra: x}
	for at, name := range []string{"b.example/w", "a.example"} {
		key, _ := witnessKey(name)
		p.Extra.Witnesses = append(p.Extra.Witnesses, key)
		p.Checkpoint = append(p.Checkpoint, l.cosign(t, p.Checkpoint, name, 1763971200+int64(at))...)
	}
	text, err := p.Format()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBulkHolds(t *testing.T) {
	for n := 1; n < 20; n++ {
		for i := range n {
			l := newLog(t, "harbour.example/log", 9)
			text := l.full(t, n, i)
			r, err := Verify(text, Options{Key: l.key})
			if err != nil || r.Bulk != int64(n) || r.Index != 9 || len(r.Cosigned) != 2 || r.Cosigned[0].Pinned {
				t.Fatalf("event %d of %d: %+v %v", i, n, r, err)
			}
			p, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := p.Format(); err != nil || !bytes.Equal(again, text) {
				t.Fatal("written anew it is not the same", err)
			}
		}
	}
}

// A receipt with all that a receipt can have is refused if it differs in one
// bit, too.
func TestEveryBitOfABulk(t *testing.T) {
	l := newLog(t, "harbour.example/log", 3)
	text := l.full(t, 5, 3)
	if _, err := Verify(text, Options{}); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(text)
	for i := range changed {
		for bit := range 8 {
			changed[i] ^= 1 << bit
			if r, err := Verify(changed, Options{}); err == nil {
				t.Errorf("accepted with bit %d of byte %d (%q) changed: %+v", bit, i, text[i], r)
			}
			changed[i] ^= 1 << bit
		}
		if _, err := Verify(append(bytes.Clone(text[:i]), text[i+1:]...), Options{}); err == nil {
			t.Errorf("accepted without byte %d", i)
		}
	}
	lines := strings.SplitAfter(string(text), "\n")
	last := len(lines) - 2
	lines[last], lines[last-1] = lines[last-1], lines[last]
	if _, err := Verify([]byte(strings.Join(lines, "")), Options{}); err == nil {
		t.Error("accepted with the cosignatures exchanged")
	}
}

func TestBulkRefusals(t *testing.T) {
	l := newLog(t, "harbour.example/log", 3)
	good := l.full(t, 6, 3)
	for name, c := range map[string]struct {
		change func(*Proof)
		says   string
	}{
		"another place":      {func(p *Proof) { p.Extra.Bulk.Index = 2 }, "not in the bulk"},
		"place past the end": {func(p *Proof) { p.Extra.Bulk.Index = 6 }, "not in the bulk"},
		"negative place":     {func(p *Proof) { p.Extra.Bulk.Index = -1 }, "not in the bulk"},
		"a hash too many":    {func(p *Proof) { p.Extra.Bulk.Path = append(p.Extra.Bulk.Path, [32]byte{}) }, "not in the bulk"},
		"a hash too few":     {func(p *Proof) { p.Extra.Bulk.Path = p.Extra.Bulk.Path[1:] }, "not in the bulk"},
		"another entry": {func(p *Proof) {
			p.Extra.Bulk.Entry = bytes.Replace(p.Extra.Bulk.Entry, []byte("import"), []byte("report"), 1)
		}, "not in the log"},
		"an entry of another kind": {func(p *Proof) {
			p.Extra.Bulk.Entry = bytes.Replace(p.Extra.Bulk.Entry, []byte(`"k":"b"`), []byte(`"k":"r"`), 1)
		}, "not in the bulk"},
		"an entry with spaces": {func(p *Proof) { p.Extra.Bulk.Entry = append(p.Extra.Bulk.Entry, ' ') }, "not in the bulk"},
		"no bulk":              {func(p *Proof) { p.Extra.Bulk = nil }, "not in the log"},
		"another's key":        {func(p *Proof) { p.Extra.Witnesses[0], _ = witnessKey("c.example") }, "not cosigned"},
		"witnesses exchanged":  {func(p *Proof) { w := p.Extra.Witnesses; w[0], w[1] = w[1], w[0] }, "not cosigned"},
		"a witness too few":    {func(p *Proof) { p.Extra.Witnesses = p.Extra.Witnesses[:1] }, "more than the log's own"},
		"a witness too many":   {func(p *Proof) { p.Extra.Witnesses = append(p.Extra.Witnesses, p.Extra.Witnesses[0]) }, "witnesses that the receipt names"},
		"the same witness twice": {func(p *Proof) {
			p.Extra.Witnesses = append(p.Extra.Witnesses, p.Extra.Witnesses[1])
			p.Checkpoint = append(p.Checkpoint, l.cosign(t, p.Checkpoint, "a.example", 1)...)
		}, "not cosigned"},
		"the log as its witness": {func(p *Proof) { p.Checkpoint = append(p.Checkpoint, l.cosign(t, p.Checkpoint, l.name, 1)...) }, "more than the log's own"},
		"a time beyond time": {func(p *Proof) {
			p.Checkpoint = append(l.checkpoint(t, 4), l.cosign(t, p.Checkpoint, "b.example/w", lastMoment+1)+l.cosign(t, p.Checkpoint, "a.example", 1)...)
		}, "not cosigned"},
	} {
		p, err := Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		c.change(p)
		text, err := p.Format()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(text, Options{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuorum(t *testing.T) {
	l := newLog(t, "harbour.example/log", 3)
	text := l.full(t, 2, 0)
	a, _ := witnessKey("a.example")
	b, _ := witnessKey("b.example/w")
	c, _ := witnessKey("c.example")
	for _, q := range []struct {
		witnesses []string
		need      int
		holds     bool
	}{
		{nil, 0, true}, {nil, 1, false}, {[]string{a}, 1, true}, {[]string{a, b}, 2, true}, {[]string{a, c}, 2, false}, {[]string{c}, 0, true},
		{[]string{a, a}, 2, false}, {[]string{"rubbish"}, 0, false}, {[]string{l.key}, 0, false},
	} {
		r, err := Verify(text, Options{Witnesses: q.witnesses, Quorum: q.need})
		if (err == nil) != q.holds {
			t.Errorf("%d of %v: %v", q.need, q.witnesses, err)
		}
		if err == nil && r.Cosigned[1].Pinned != (len(q.witnesses) > 0 && q.witnesses[0] == a) {
			t.Errorf("%v: %+v", q.witnesses, r.Cosigned)
		}
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		head, all, err := OpenCosigned(p.Checkpoint, l.key, q.witnesses, q.need)
		if (err == nil) != q.holds || err == nil && (head.Size != 4 || len(all) != 2 || all[1].Name != "a.example" || (all[1].Key == a) != all[1].Pinned || !all[1].At.Equal(time.Unix(1763971201, 0))) {
			t.Errorf("checkpoint, %d of %v: %+v %v", q.need, q.witnesses, all, err)
		}
	}
}

// What a witness answers is taken over only where it holds.
func TestPickCosignatures(t *testing.T) {
	l := newLog(t, "harbour.example/log", 3)
	signed := l.checkpoint(t, 3)
	a, _ := witnessKey("a.example")
	b, _ := witnessKey("b.example")
	good := l.cosign(t, signed, "a.example", 5)
	other := l.cosign(t, l.checkpoint(t, 2), "b.example", 5)
	answer := append(bytes.Clone(signed), "— rubbish\n"+other+good+good+l.cosign(t, signed, "c.example", 5)+"more"...)
	text, lines, _ := bytes.Cut(answer, []byte("\n\n"))
	answer = append(append(bytes.Clone(text), "\n\n"+good...), lines...) // the log's own need not come first
	picked, by, err := PickCosignatures(answer, l.key, []string{b, a})
	if err != nil || len(by) != 1 || by[0] != a || string(picked) != string(signed)+good {
		t.Errorf("%q %v %v", picked, by, err)
	}
	if _, _, err := PickCosignatures([]byte("nothing"), l.key, nil); err == nil {
		t.Error("picked from nothing")
	}
}

func TestCommitment(t *testing.T) {
	want := sha256.Sum256([]byte("x"))
	if got, ok := Commitment(Entry(want)); !ok || got != want {
		t.Error(got, ok)
	}
	for _, bad := range [][]byte{nil, Entry(want)[1:], bytes.Replace(Entry(want), []byte("=\""), []byte("A\""), 1), bytes.Replace(Entry(want), []byte(`"e"`), []byte(`"f"`), 1)} {
		if _, ok := Commitment(bad); ok {
			t.Errorf("%q", bad)
		}
	}
}

// A member of a bulk of a million in a log of a million.
func TestSizes(t *testing.T) {
	l := newLog(t, "harbour.example/log", 1)
	x := l.bulk(t, 2, 0)
	x.Bulk.Path, x.Bulk.Index = make([][32]byte, 20), 999_999
	p := Proof{Index: 999_999, Path: nil, Checkpoint: l.checkpoint(t, 2), Extra: x}
	few, err := p.Format()
	if err != nil {
		t.Fatal(err)
	}
	p.Path = make([][32]byte, 20)
	many, err := p.Format()
	t.Logf("bulk of a million: %d bytes in a small log, %d in a log of a million", len(few), len(many))
	if err != nil || len(many) > 3200 {
		t.Error(len(many), err)
	}
	if tlog.HashSize*20*4/3*4/3 > len(few) {
		t.Error("shorter than its hashes")
	}
}

// What is written straight is what the long way gives.
func TestPayloadIsCanonical(t *testing.T) {
	word := rapid.OneOf(rapid.StringN(0, 12, -1), rapid.SampledFrom([]string{"a", "b", "é", "\U0001F41A", "\ue000", "\u2028", "<&>", `\"`, "\x7f", "\x01", "\xff"}))
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		all := []*rapid.Generator[any]{word.AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil), rapid.SliceOfN(word, 0, 3).AsAny()}
		if depth > 0 {
			all = append(all, rapid.SliceOfN(value(depth-1), 0, 4).AsAny(), rapid.MapOfN(word, value(depth-1), 0, 4).AsAny())
		}
		return rapid.OneOf(all...)
	}
	rapid.Check(t, func(t *rapid.T) {
		e := Event{At: time.Unix(rapid.Int64Range(-62167219200-10, 253402300799+10).Draw(t, "at"), rapid.Int64Range(0, 999999999).Draw(t, "ns")),
			Clause: avow.ClauseID(word.Draw(t, "clause")), N: rapid.Int64().Draw(t, "n"), Nonce: word.Draw(t, "nonce"), Prev: word.Draw(t, "prev"),
			Statement: avow.Version(rapid.Int().Draw(t, "v")), Type: word.Draw(t, "type"), X: rapid.MapOfN(word, value(2), 0, 4).Draw(t, "x")}
		got, err := e.Payload()
		long := e
		long.At = e.At.UTC().Truncate(time.Second)
		want, err2 := canonical(long)
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q %v\n%q %v", got, err, want, err2)
		}
		x := Extra{EntryKey: sha256.Sum256(got), LogKey: e.Type, Payload: got}
		if rapid.Bool().Draw(t, "more") {
			x.Bulk = &Bulk{Entry: got, Index: e.N, Path: [][32]byte{{1}, {2}}}
			x.Witnesses = []string{e.Nonce, "b"}
		}
		got, err = x.marshal()
		f := extraFields{nil, base64.StdEncoding.EncodeToString(x.EntryKey[:]), x.LogKey, string(x.Payload), x.Witnesses}
		if x.Bulk != nil {
			f.Bulk = x.Bulk.fields()
		}
		want, err2 = canonical(f)
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q %v\n%q %v", got, err, want, err2)
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	e := Event{Clause: "contact", N: 1, Nonce: "0123456789012345678901", Statement: 1, Type: "collected", X: map[string]any{
		"collection": "contact", "fields": []any{"email", "message", "name"}, "record": "record_0192f0c1e8b07d2a9b3c4d5e6f708192", "until": "2028-11-24"}}
	for b.Loop() {
		if _, err := e.Payload(); err != nil {
			b.Fatal(err)
		}
	}
}
