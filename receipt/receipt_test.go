package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A testLog is a log made the slow and plain way, straight from RFC 6962.
type testLog struct {
	name    string
	signer  note.Signer
	key     string
	entries [][]byte
	events  []Extra
}

// newLog makes a log of n entries, every seventh a fact. Its key comes from
// the name, so that golden files stay the same.
func newLog(t testing.TB, name string, n int) *testLog {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	key, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(key, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	l := &testLog{name: name, key: key, signer: signer}
	for i := range n {
		l.add(t, i)
	}
	return l
}

func (l *testLog) add(t testing.TB, i int) {
	t.Helper()
	if i%7 == 6 {
		fact, err := Fact("s", map[string]any{"n": i})
		if err != nil {
			t.Fatal(err)
		}
		l.entries, l.events = append(l.entries, fact), append(l.events, Extra{})
		return
	}
	payload, err := Event{At: time.Date(2026, 11, 24, 8, 0, i, 0, time.UTC), Clause: "contact", N: int64(i + 1), Nonce: fmt.Sprint("nonce", i),
		Statement: 1, Type: "collected", X: map[string]any{"collection": "contact", "fields": []any{"email", "message"}}}.Payload()
	if err != nil {
		t.Fatal(err)
	}
	x := Extra{EntryKey: sha256.Sum256(fmt.Append(nil, i)), LogKey: l.key, Payload: payload}
	l.events = append(l.events, x)
	l.entries = append(l.entries, Entry(Commit(x.EntryKey, payload)))
}

// mth and path are the definitions of RFC 6962, sections 2.1 and 2.1.1.
func mth(d [][]byte) [32]byte {
	if len(d) == 0 {
		return sha256.Sum256(nil)
	}
	if len(d) == 1 {
		return sha256.Sum256(append([]byte{0}, d[0]...))
	}
	k := split(len(d))
	left, right := mth(d[:k]), mth(d[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func path(m int, d [][]byte) [][32]byte {
	if len(d) == 1 {
		return nil
	}
	if k := split(len(d)); m < k {
		return append(path(m, d[:k]), mth(d[k:]))
	} else {
		return append(path(m-k, d[k:]), mth(d[:k]))
	}
}

func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func (l *testLog) sign(t testing.TB, text string) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (l *testLog) checkpoint(t testing.TB, size int) []byte {
	t.Helper()
	return l.sign(t, Checkpoint{l.name, int64(size), mth(l.entries[:size])}.Text())
}

func (l *testLog) receipt(t testing.TB, index, size int) []byte {
	t.Helper()
	p := Proof{Index: int64(index), Path: path(index, l.entries[:size]), Checkpoint: l.checkpoint(t, size), Extra: l.events[index]}
	text, err := p.Format()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReceiptsHold(t *testing.T) {
	l := newLog(t, "harbour.example/log", 40)
	for size := 1; size <= 40; size++ {
		for index := range size {
			if index%7 == 6 {
				continue
			}
			text := l.receipt(t, index, size)
			for _, key := range []string{"", l.key} {
				r, err := Verify(text, Options{Key: key})
				if err != nil {
					t.Fatalf("entry %d of %d: %v", index, size, err)
				}
				if r.Index != int64(index) || r.Size != int64(size) || r.Root != mth(l.entries[:size]) || r.Origin != l.name || r.Key != l.key ||
					r.Pinned != (key != "") || r.Event.N != int64(index+1) || r.Event.Clause != "contact" || !bytes.Equal(r.Payload, l.events[index].Payload) {
					t.Errorf("entry %d of %d: %+v", index, size, r)
				}
			}
		}
	}
}

// The format is a promise to people who keep their receipts for years.
func TestGolden(t *testing.T) {
	l := newLog(t, "harbour.example/log", 40)
	text := l.receipt(t, 18, 40)
	const file = "testdata/receipt.tlog-proof"
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), string(text)); diff != "" {
		t.Error(diff)
	}
	if _, err := Verify(golden, Options{Key: l.key}); err != nil {
		t.Error(err)
	}
	if len(golden) > 1200 {
		t.Errorf("a receipt of a small log has %d bytes", len(golden))
	}
	p, err := Parse(golden)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Format(); err != nil || !bytes.Equal(again, golden) {
		t.Error("written anew it is not the same", err)
	}
}

// A receipt that differs in one bit is refused, whether its key is pinned or
// its own is believed.
func TestEveryBit(t *testing.T) {
	l := newLog(t, "harbour.example/log", 20)
	for _, text := range [][]byte{l.receipt(t, 0, 1), l.receipt(t, 11, 20)} {
		for _, key := range []string{"", l.key} {
			changed := bytes.Clone(text)
			for i := range changed {
				for bit := range 8 {
					changed[i] ^= 1 << bit
					if r, err := Verify(changed, Options{Key: key}); err == nil {
						t.Errorf("accepted with bit %d of byte %d (%q) changed: %+v", bit, i, text[i], r)
					}
					changed[i] ^= 1 << bit
				}
			}
		}
	}
}

// Nothing may be cut out, doubled, put in or moved either.
func TestEveryEdit(t *testing.T) {
	l := newLog(t, "harbour.example/log", 20)
	text := l.receipt(t, 11, 20)
	refuse := func(how string, changed []byte) {
		t.Helper()
		if bytes.Equal(changed, text) {
			return
		}
		if _, err := Verify(changed, Options{}); err == nil {
			t.Errorf("accepted %s", how)
		}
	}
	for i := range text {
		refuse(fmt.Sprint("without byte ", i), append(bytes.Clone(text[:i]), text[i+1:]...))
		refuse(fmt.Sprint("up to byte ", i), text[:i])
		for _, b := range []byte("\x00\t\n\r =A0+") {
			refuse(fmt.Sprintf("with %q before byte %d", b, i), append(append(bytes.Clone(text[:i]), b), text[i:]...))
		}
	}
	for _, tail := range []string{"\n", "\n\n", " ", "x", "— harbour.example/log AAAAAAAA\n", strings.SplitAfter(string(text), "\n\n")[2]} {
		refuse(fmt.Sprintf("with %q at the end", tail), append(bytes.Clone(text), tail...))
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := range lines {
		for j := range lines {
			moved := make([][]byte, 0, len(lines))
			for k := range lines {
				switch k {
				case i:
					moved = append(moved, lines[j])
				case j:
					moved = append(moved, lines[i])
				default:
					moved = append(moved, lines[k])
				}
			}
			refuse(fmt.Sprintf("with lines %d and %d exchanged", i, j), bytes.Join(moved, nil))
		}
	}
}

func TestRefusals(t *testing.T) {
	l, other := newLog(t, "harbour.example/log", 10), newLog(t, "elsewhere.example/log", 10)
	good := l.receipt(t, 4, 10)
	proof := func(change func(*Proof)) []byte {
		p, err := Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		text, err := p.Format()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	swap := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("no %q in the receipt", old)
		}
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	signed := func(text string) []byte {
		return proof(func(p *Proof) { p.Checkpoint = l.sign(t, text) })
	}
	root := base64.StdEncoding.EncodeToString(func() []byte { r := mth(l.entries); return r[:] }())
	for name, c := range map[string]struct {
		text []byte
		key  string
		says string
	}{
		"nothing":            {nil, "", "not a receipt"},
		"another file":       {[]byte("%PDF-1.7\n"), "", "not a receipt"},
		"long":               {bytes.Repeat(good, 100), "", "too long"},
		"no extra":           {[]byte(header + "index 0\n\n" + string(l.checkpoint(t, 10))), "", "it needs the lines"},
		"leading zero":       {swap("index 4", "index 04"), "", "index"},
		"plus sign":          {swap("index 4", "index +4"), "", "index"},
		"negative":           {swap("index 4", "index -4"), "", "index"},
		"huge index":         {swap("index 4", "index 99999999999999999999"), "", "index"},
		"index past the end": {proof(func(p *Proof) { p.Index = 10 }), "", "not in the log"},
		"another index":      {proof(func(p *Proof) { p.Index = 5 }), "", "not in the log"},
		"hash too many":      {proof(func(p *Proof) { p.Path = append(p.Path, p.Path[0]) }), "", "not in the log"},
		"hash too few":       {proof(func(p *Proof) { p.Path = p.Path[1:] }), "", "not in the log"},
		"64 hashes":          {proof(func(p *Proof) { p.Path = make([][32]byte, 64) }), "", "at most 63"},
		"carriage returns":   {bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), "", "not a receipt"},
		"another log's key":  {good, other.key, "another key"},
		"key of another log": {proof(func(p *Proof) { p.Extra.LogKey = other.key }), "", "not signed by"},
		"no key":             {proof(func(p *Proof) { p.Extra.LogKey = "rubbish" }), "", "is not a log's key"},
		"key in capitals": {proof(func(p *Proof) {
			p.Extra.LogKey = strings.Replace(l.key, "+"+strings.Split(l.key, "+")[1], "+"+strings.ToUpper(strings.Split(l.key, "+")[1]), 1)
		}), "", "unusual spelling"},
		"another payload":     {proof(func(p *Proof) { p.Extra.Payload = l.events[3].Payload }), "", "not in the log"},
		"payload is no event": {proof(func(p *Proof) { p.Extra.Payload = []byte(`{"at":1}`) }), "", "not an event"},
		"payload with spaces": {proof(func(p *Proof) { p.Extra.Payload = append(p.Extra.Payload, ' ') }), "", "canonical"},
		"signed twice": {proof(func(p *Proof) {
			p.Checkpoint = append(p.Checkpoint, bytes.SplitAfter(p.Checkpoint, []byte("\n\n"))[1]...)
		}), "", "more than the log's own signature"},
		"cosigned by whom it does not name": {proof(func(p *Proof) { p.Checkpoint = append(p.Checkpoint, l.cosign(t, p.Checkpoint, "w.example", 7)...) }), "", "more than the log's own signature"},
		"signed by more":                    {proof(func(p *Proof) { p.Checkpoint = append(p.Checkpoint, "— witness.example AAAAAAAAAAAA\n"...) }), "", "more than the log's own signature"},
		"size with zero":                    {signed(l.name + "\n010\n" + root + "\n"), "", "leading zeros"},
		"extension line":                    {signed(l.name + "\n10\n" + root + "\nmore\n"), "", "three lines"},
		"root too short":                    {signed(l.name + "\n10\nAAAA\n"), "", "not a hash"},
		"checkpoint elsewhere":              {signed("elsewhere.example/log\n10\n" + root + "\n"), "", "signed by"},
	} {
		if _, err := Verify(c.text, Options{Key: c.key}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEvents(t *testing.T) {
	e := Event{At: time.Date(2026, 11, 24, 9, 0, 0, 999, time.FixedZone("", 3600)), Clause: "a", N: 1, Nonce: "n", Statement: 2, Type: "t",
		X: map[string]any{"z": 1, "a": "<&>\u2028é\"", "b": []string{"x"}}}
	payload, err := e.Payload()
	want := `{"at":"2026-11-24T08:00:00Z","clause":"a","n":1,"nonce":"n","prev":"","statement":2,"type":"t","x":{"a":"<&>` + "\u2028" + `é\"","b":["x"],"z":1}}`
	if err != nil || string(payload) != want {
		t.Errorf("%s\n%v", payload, err)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{}`, want + " ", strings.Replace(want, `"n":1`, `"n":1.0`, 1), strings.Replace(want, `"n":1`, `"N":1`, 1),
		strings.Replace(want, `"n":1`, `"n":1,"n":1`, 1), strings.Replace(want, `"n":1,`, ``, 1), strings.Replace(want, `"x":{`, `"y":1,"x":{`, 1),
		strings.Replace(want, "08:00:00Z", "08:00:00.5Z", 1), strings.Replace(want, "08:00:00Z", "09:00:00+01:00", 1), strings.Replace(want, "é", `\u00e9`, 1),
		strings.Replace(want, "é", "\xe9", 1),
	} {
		if _, err := ParseEvent([]byte(bad)); err == nil {
			t.Errorf("taken for an event: %s", bad)
		}
	}
}

func TestEntries(t *testing.T) {
	entry := Entry([32]byte{1})
	if len(entry) != 66 {
		t.Errorf("an entry has %d bytes: %s", len(entry), entry)
	}
	fact, err := Fact("s", map[string]any{"n": 1, "at": "2026"})
	if err != nil || string(fact) != `{"at":"2026","k":"s","n":1,"v":1}` {
		t.Errorf("%s %v", fact, err)
	}
	for _, c := range []struct{ entry, kind string }{
		{string(entry), "e"},
		{string(fact), "s"},
		{`{"k":"l","v":1}`, "l"},
		{`{"k":"x","v":1}`, ""},
		{`{"k":"sd","v":1}`, ""},
		{`{"k":"","v":1}`, ""},
		{`{"k":"s","v":2}`, ""},
		{`{"k":"s","v":1} `, ""},
		{`{"v":1,"k":"s"}`, ""},
		{`{"k":"s","k":"s","v":1}`, ""},
		{`{"c":"AAAA","k":"e","v":1}`, ""},
		{strings.Replace(string(entry), `"v":1`, `"v":1,"w":1`, 1), ""},
		{strings.Replace(string(entry), `AAA="`, `AAB="`, 1), ""},
		{`{"k":"s","v":1,"x":"` + strings.Repeat("x", maxFact) + `"}`, ""},
		{``, ""}, {`null`, ""}, {`"e"`, ""},
	} {
		kind, ok := EntryKind([]byte(c.entry))
		if ok != (c.kind != "") || ok && kind != c.kind {
			t.Errorf("%.80s: %q %v, want %q", c.entry, kind, ok, c.kind)
		}
	}
	for name, f := range map[string]func() ([]byte, error){
		"a person": func() ([]byte, error) { return Fact("e", map[string]any{"c": strings.Repeat("A", 43) + "="}) },
		"unknown":  func() ([]byte, error) { return Fact("q", nil) },
		"taken":    func() ([]byte, error) { return Fact("s", map[string]any{"k": "e"}) },
		"long":     func() ([]byte, error) { return Fact("s", map[string]any{"x": strings.Repeat("x", maxFact)}) },
	} {
		if entry, err := f(); err == nil {
			t.Errorf("%s: made %s", name, entry)
		}
	}
}

func TestTilePaths(t *testing.T) {
	for _, c := range []struct {
		tile Tile
		path string
	}{
		{Tile{0, 0, 256}, "tile/0/000"},
		{Tile{0, 273, 112}, "tile/0/273.p/112"},
		{Tile{63, 1234067, 1}, "tile/63/x001/x234/067.p/1"},
		{Tile{Entries, 999, 256}, "tile/entries/999"},
		{Tile{Entries, 1000, 255}, "tile/entries/x001/000.p/255"},
	} {
		if got := c.tile.Path(); got != c.path {
			t.Errorf("%v: %s, want %s", c.tile, got, c.path)
		}
		if got, ok := ParseTile(c.path); !ok || got != c.tile {
			t.Errorf("%s: %v %v", c.path, got, ok)
		}
	}
	for _, bad := range []string{
		"", "tile", "tile/0", "tile/0/", "/tile/0/000", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/000",
		"tile/0/001/000", "tile/0/x001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000.p/", "tile/0/000/",
		"tile/data/000", "tile/8/0/000", "tile/0/xx01/000", "tile/0/+01", "tile/0/000.p/1.p/1", "tile/entries/%30%30%30", "tile/0/000\n",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/٠٠٠",
	} {
		if got, ok := ParseTile(bad); ok {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		tile := Tile{rapid.IntRange(0, 63).Draw(t, "level"), rapid.Int64Range(0, 1<<54-1).Draw(t, "n"), rapid.IntRange(1, 256).Draw(t, "width")}
		theirs := tlog.Tile{H: 8, L: tile.Level, N: tile.N, W: tile.Width}.Path()
		if got := tile.Path(); got != strings.Replace(theirs, "tile/8/", "tile/", 1) {
			t.Fatalf("%s, and x/mod says %s", got, theirs)
		}
		if got, ok := ParseTile(tile.Path()); !ok || got != tile {
			t.Fatalf("%v became %v", tile, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	l := newLog(f, "harbour.example/log", 10)
	f.Add(l.receipt(f, 0, 1))
	f.Add(l.receipt(f, 4, 10))
	f.Add(l.full(f, 5, 3))
	f.Add([]byte(header))
	f.Add([]byte(header + "extra e30=\nindex 0\n\nx\n0\nAAAA\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		again, err := p.Format()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("read and written anew it differs: %v\n%q\n%q", err, data, again)
		}
		p.Verify(Options{})
	})
}

func FuzzParseTile(f *testing.F) {
	f.Add("tile/0/x001/x234/067.p/8")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, ok := ParseTile(path); ok && (tile.Path() != path || tile.Width < 1 || tile.Width > 256 || tile.N < 0) {
			t.Errorf("%q became %v", path, tile)
		}
	})
}

func FuzzEntryKind(f *testing.F) {
	f.Add(Entry([32]byte{1}))
	f.Add([]byte(`{"k":"s","v":1}`))
	f.Fuzz(func(t *testing.T, entry []byte) {
		if kind, ok := EntryKind(entry); ok && kind == "e" && len(entry) != 66 {
			t.Errorf("%q is taken for an entry about a person", entry)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	l := newLog(b, "harbour.example/log", 1000)
	text := l.receipt(b, 500, 1000)
	for b.Loop() {
		if _, err := Verify(text, Options{Key: l.key}); err != nil {
			b.Fatal(err)
		}
	}
}
