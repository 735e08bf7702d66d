package browser

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// A verifyCase is a text that claims to be a receipt, with the verdict of the Go package.
type verifyCase struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
	Key  string `json:"key"` // what it is held to; empty for its own
	OK   bool   `json:"ok"`
}

// A forge makes receipts whose every part can be told to be something else,
// and which are otherwise hashed and signed as they ought to be.
type forge struct {
	name    string                              // of the log
	kind    byte                                // of its key: 1 is Ed25519
	size    int64                               // entries in the log
	index   int64                               // the entry that the receipt is of
	payload string                              // what it says was recorded
	extra   func(k, key, payload string) string // the extra data
	head    func(root tlog.Hash) string         // the checkpoint's text
	note    func(signed string) string          // the signed checkpoint
	text    func(receipt string) string         // the whole

	bulk    int                             // how many events share the entry; 0 if it has its own
	place   int                             // of the event among them
	fact    func(root string) string        // the entry that they share
	inside  func(entry, path string) string // what the extra data says of it
	cosign  []cosigner                      // who signs after the log
	trusted func(keys []string) string      // what the extra data says of them
}

// A cosigner is a witness, and what may be wrong with its signature.
type cosigner struct {
	name string
	kind byte
	time uint64
	says string // in place of the checkpoint's text
}

const goodPayload = `{"at":"2026-11-24T08:15:00Z","clause":"contact","n":1,"nonce":"bm9uY2U=","prev":"","statement":1,"type":"collect",` +
	`"x":{"collection":"contact","fields":["email","message"],"keep":"24 months"}}`

func newForge() *forge {
	f := &forge{kind: 1, name: "harbour.example/log", size: 7, index: 3, payload: goodPayload}
	f.extra = func(k, key, payload string) string {
		return `{"k":` + quote(k) + `,"key":` + quote(key) + `,"payload":` + quote(payload) + `}`
	}
	f.note = func(s string) string { return s }
	f.text = f.note
	f.fact = func(root string) string {
		return `{"at":"2026-11-24T08:15:00Z","k":"b","n":` + fmt.Sprint(f.bulk) + `,"root":"` + root + `","v":1,"what":"import"}`
	}
	f.inside = func(entry, path string) string {
		return fmt.Sprintf(`{"entry":%s,"index":%d,"path":"%s"}`, quote(entry), f.place, path)
	}
	f.trusted = func(keys []string) string {
		var all []string
		for _, k := range keys {
			all = append(all, quote(k))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	return f
}

// quote writes a string as canonical JSON does.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.NewReplacer("\n", "", `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(b.String())
}

// A hashStore holds a log's hashes as tlog numbers them.
type hashStore []tlog.Hash

func (s hashStore) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		out[i] = s[n]
	}
	return out, nil
}

// make returns the receipt and the key of its log.
func (f *forge) make(t *testing.T) (text, key string) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	b64 := base64.StdEncoding.EncodeToString
	material := append([]byte{f.kind}, public...)
	tag := sha256.Sum256([]byte(f.name + "\n" + string(material)))
	key = fmt.Sprintf("%s+%x+%s", f.name, tag[:4], b64(material))
	var k [32]byte
	rand.Read(k[:])
	c := receipt.Commit(k, []byte(f.payload))
	own, inside := receipt.Entry(c), ""
	if f.bulk > 0 {
		root, path := f.share(c)
		own = []byte(f.fact(root))
		inside = f.inside(string(own), path)
	}
	var store hashStore
	for i := range f.size {
		data := fmt.Appendf(nil, "entry %d", i)
		if i == f.index {
			data = own
		}
		hashes, err := tlog.StoredHashes(i, data, store)
		must(err)
		store = append(store, hashes...)
	}
	root, err := tlog.TreeHash(f.size, store)
	must(err)
	path, err := tlog.ProveRecord(f.size, f.index, store)
	must(err)
	head := receipt.Checkpoint{Origin: f.name, Size: f.size, Root: root}.Text()
	if f.head != nil {
		head = f.head(root)
	}
	// Signed by hand: package note would refuse what a forger does not.
	signed := head + "\n— " + f.name + " " + b64(append(tag[:4:4], ed25519.Sign(secret, []byte(head))...)) + "\n"
	extra := f.extra(b64(k[:]), key, f.payload)
	if inside != "" {
		extra = `{"bulk":` + inside + "," + extra[1:]
	}
	var keys []string
	for _, w := range f.cosign {
		line, key := w.sign(head)
		signed += line
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		extra = strings.TrimSuffix(extra, "}") + `,"witnesses":` + f.trusted(keys) + "}"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", b64([]byte(extra)), f.index)
	for _, h := range path {
		b.WriteString(b64(h[:]) + "\n")
	}
	return f.text(b.String() + "\n" + f.note(signed)), key
}

// share returns the root of the events that share an entry, and this one's path.
func (f *forge) share(c [32]byte) (root, path string) {
	var store hashStore
	for i := range f.bulk {
		data := fmt.Appendf(nil, "%032d", i)
		if i == f.place {
			data = c[:]
		}
		hashes, _ := tlog.StoredHashes(int64(i), data, store)
		store = append(store, hashes...)
	}
	top, _ := tlog.TreeHash(int64(f.bulk), store)
	var all []byte
	if f.place < f.bulk {
		way, _ := tlog.ProveRecord(int64(f.bulk), int64(f.place), store)
		for _, h := range way {
			all = append(all, h[:]...)
		}
	}
	return top.String(), base64.StdEncoding.EncodeToString(all)
}

// sign signs as c2sp.org/tlog-cosignature describes it.
func (w cosigner) sign(text string) (line, key string) {
	public, secret, _ := ed25519.GenerateKey(rand.Reader)
	material := append([]byte{w.kind}, public...)
	tag := sha256.Sum256([]byte(w.name + "\n" + string(material)))
	b64 := base64.StdEncoding.EncodeToString
	if w.says != "" {
		text = w.says
	}
	raw := binary.BigEndian.AppendUint64(tag[:4:4], w.time)
	raw = append(raw, ed25519.Sign(secret, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", w.time, text))...)
	return "— " + w.name + " " + b64(raw) + "\n", fmt.Sprintf("%s+%x+%s", w.name, tag[:4], b64(material))
}

// bulkCases are receipts that share an entry, and that are cosigned.
func bulkCases() map[string]*forge {
	all := map[string]*forge{}
	with := func(name string, change func(*forge)) {
		f := newForge()
		f.bulk, f.place = 5, 3
		f.cosign = []cosigner{{name: "b.example/w", kind: 4, time: 1763971200}, {name: "a.example", kind: 4, time: 1763971201}}
		change(f)
		all[name] = f
	}
	with("bulk, cosigned", func(*forge) {})
	with("bulk alone", func(f *forge) { f.cosign = nil })
	with("cosigned alone", func(f *forge) { f.bulk = 0 })
	for n := 1; n < 9; n++ {
		for i := range n {
			with(fmt.Sprintf("event %d of %d", i, n), func(f *forge) { f.bulk, f.place = n, i })
		}
	}
	for i, fact := range []string{
		`{"k":"b","n":5,"root":"ROOT","v":1}`, `{"k":"b","n":5.0,"root":"ROOT","v":1}`, `{"k":"b","n":"5","root":"ROOT","v":1}`, `{"k":"b","n":6,"root":"ROOT","v":1}`,
		`{"k":"b","n":0,"root":"ROOT","v":1}`, `{"k":"b","n":-5,"root":"ROOT","v":1}`, `{"k":"b","n":null,"root":"ROOT","v":1}`, `{"k":"b","root":"ROOT","v":1}`,
		`{"k":"r","n":5,"root":"ROOT","v":1}`, `{"k":"e","n":5,"root":"ROOT","v":1}`, `{"k":"b","n":5,"root":"ROOT","v":2}`, `{"k":"b","n":5,"root":"ROOT","v":true}`,
		`{"k":"b","n":5,"root":"ROOT"}`, `{"n":5,"k":"b","root":"ROOT","v":1}`, `{"k":"b","n":5,"root":"ROOT","v":1} `, `{"k":"b","k":"b","n":5,"root":"ROOT","v":1}`,
		`{"c":1,"k":"b","n":5,"root":"ROOT","v":1}`, `{"c":"x","k":"b","n":5,"root":"ROOT","v":1}`, `{"c":null,"k":"b","n":5,"root":"ROOT","v":1}`,
		`{"k":"b","n":5,"root":"AAAA","v":1}`, `{"k":"b","n":5,"root":5,"v":1}`, `[]`, `null`, ``, `b`, `{"K":"b","k":"b","n":5,"root":"ROOT","v":1}`,
		`{"k":"b","n":9007199254740993,"root":"ROOT","v":1}`, `{"k":"b","n":9007199254740992,"root":"ROOT","v":1}`, `{"k":"b","n":5,"root":"ROOT","v":1,"x":0.1}`,
		`{"k":"b","n":5,"pad":"` + strings.Repeat("x", 4096-97) + `","root":"ROOT","v":1}`, `{"k":"b","n":5,"pad":"` + strings.Repeat("x", 4096) + `","root":"ROOT","v":1}`,
		`{"k":"b","n":5,"pad":"é","root":"ROOT","v":1}`, `{"k":"b","n":5,"pad":"\ud800","root":"ROOT","v":1}`, `{"k":"b","n":1e21,"root":"ROOT","v":1}`,
	} {
		with(fmt.Sprintf("shared entry %d", i), func(f *forge) {
			f.fact = func(root string) string { return strings.Replace(fact, "ROOT", root, 1) }
		})
	}
	for i, inside := range []string{
		`{"entry":%[1]s,"index":2,"path":"%[2]s"}`, `{"entry":%[1]s,"index":5,"path":"%[2]s"}`, `{"entry":%[1]s,"index":-1,"path":"%[2]s"}`, `{"entry":%[1]s,"index":"3","path":"%[2]s"}`,
		`{"entry":%[1]s,"index":3.5,"path":"%[2]s"}`, `{"entry":%[1]s,"index":9223372036854775807,"path":"%[2]s"}`, `{"entry":%[1]s,"index":9223372036854775000,"path":"%[2]s"}`,
		`{"entry":%[1]s,"index":3,"path":"%[2]sAAAA"}`, `{"entry":%[1]s,"index":3,"path":""}`, `{"entry":%[1]s,"index":3,"path":null}`, `{"entry":%[1]s,"index":3,"path":"%[2]s="}`,
		`{"entry":%[1]s,"index":3}`, `{"index":3,"path":"%[2]s"}`, `{"entry":%[1]s,"index":3,"path":"%[2]s","z":1}`, `{"index":3,"entry":%[1]s,"path":"%[2]s"}`, `null`, `{}`, `[]`, `""`,
		`{"entry":%[1]s,"index":null,"path":"%[2]s"}`, `{"entry":null,"index":3,"path":"%[2]s"}`, `{"entry":%[1]s,"index":-0,"path":"%[2]s"}`,
		`{"entry":%[1]s,"index":3,"path":"` + base64.StdEncoding.EncodeToString(make([]byte, 63*32)) + `"}`, `{"entry":%[1]s,"index":3,"path":"` + base64.StdEncoding.EncodeToString(make([]byte, 64*32)) + `"}`,
	} {
		with(fmt.Sprintf("place in a bulk %d", i), func(f *forge) {
			f.inside = func(entry, path string) string {
				return strings.NewReplacer("%[1]s", quote(entry), "%[2]s", path).Replace(inside)
			}
		})
	}
	for i, names := range []func(keys []string) string{
		func([]string) string { return "[]" }, func([]string) string { return "null" }, func([]string) string { return `""` }, func(k []string) string { return "[" + quote(k[0]) + "]" },
		func(k []string) string { return "[" + quote(k[1]) + "," + quote(k[0]) + "]" }, func(k []string) string { return "[" + quote(k[0]) + "," + quote(k[0]) + "]" },
		func(k []string) string { return "[" + quote(k[0]) + "," + quote(k[1]) + "," + quote(k[1]) + "]" }, func(k []string) string { return "[" + quote(k[0]) + "," + quote(strings.ToUpper(k[1])) + "]" },
		func(k []string) string { return "[" + quote(k[0]) + ",1]" }, func(k []string) string { return "{}" }, func(k []string) string { return "[" + quote(k[0]) + "," + quote(k[1]+"=") + "]" },
	} {
		with(fmt.Sprintf("named witnesses %d", i), func(f *forge) { f.trusted = names })
	}
	for i, w := range []cosigner{
		{"a.example", 1, 1, ""}, {"a.example", 6, 1, ""}, {"a.example", 4, 0, ""}, {"a.example", 4, 253402300799, ""}, {"a.example", 4, 253402300800, ""}, {"a.example", 4, 1 << 63, ""},
		{"a.example", 4, 1, "other\n7\nx\n"}, {"harbour.example/log", 4, 1, ""}, {"a b", 4, 1, ""}, {"", 4, 1, ""}, {"a+b", 4, 1, ""}, {"a\x01b", 4, 1, ""}, {"é", 4, 1, ""}, {"a\u2028b", 4, 1, ""},
		{"b.example/w", 4, 1, ""}, {"a\x7fb", 4, 1, ""}, {"a\u00a0b", 4, 1, ""},
	} {
		with(fmt.Sprintf("witness %d", i), func(f *forge) { f.cosign[1] = w })
	}
	for n := 14; n < 19; n++ {
		with(fmt.Sprintf("%d witnesses", n), func(f *forge) {
			f.cosign = nil
			for i := range n {
				f.cosign = append(f.cosign, cosigner{fmt.Sprint("w", i), 4, 1, ""})
			}
		})
	}
	return all
}

// verifyCases are all the texts that both verifiers are asked about.
func verifyCases(t *testing.T) []verifyCase {
	var cases []verifyCase
	add := func(name, text, key string) {
		_, err := receipt.Verify([]byte(text), receipt.Options{Key: key})
		cases = append(cases, verifyCase{name, []byte(text), key, err == nil})
	}
	golden, key := newForge().make(t)
	add("golden", golden, "")
	add("golden, pinned", golden, key)
	_, other := newForge().make(t)
	add("golden, pinned to another", golden, other)

	for size := range int64(20) {
		for index := range size {
			f := newForge()
			f.size, f.index = size, index
			text, key := f.make(t)
			add(fmt.Sprintf("entry %d of %d", index, size), text, key)
		}
	}
	for name, f := range forgeries() {
		text, _ := f.make(t)
		add(name, text, "")
	}
	for _, c := range []struct {
		hashes      int
		size, index int64
		right       bool
	}{
		{1, 2, 0, false}, {40, 1 << 40, 0, false}, {53, 1 << 53, 0, false}, {54, 1 << 54, 0, false}, {62, 1 << 62, 0, false}, // as it should be
		{1, 2, 1, true}, {62, 1 << 62, 1<<62 - 1, true},
		{0, 1 << 62, 0, false}, {1, 4, 0, false}, {61, 1 << 62, 0, false}, {61, 1 << 62, 1<<62 - 1, true}, // too few
		{3, 1, 0, false}, {2, 2, 0, false}, {63, 1 << 62, 0, false}, {1, 1, 0, true}, {2, 2, 1, true}, // too many
		{0, 1, 1, false}, {1, 2, 2, false}, {1, 2, 1, false}, {3, 8, 8, false}, {0, 0, 0, false}, {1, 2, 2, true}, // another place
	} {
		text, key := tall(t, c.hashes, c.size, c.index, c.right)
		add(fmt.Sprintf("%d hashes for entry %d of %d", c.hashes, c.index, c.size), text, key)
	}
	for _, over := range []int{0, 1} {
		text, key := sized(t, maxReceipt+over)
		add(fmt.Sprintf("%d bytes too large", over), text, key)
	}
	for name, change := range misspellings {
		changed := change(golden)
		if changed == golden {
			t.Errorf("%s changes nothing", name)
		}
		add(name, changed, "")
	}
	for name, f := range bulkCases() {
		text, _ := f.make(t)
		add(name, text, "")
	}
	f := newForge()
	f.bulk, f.place, f.cosign = 3, 1, []cosigner{{name: "a.example", kind: 4, time: 1}}
	full, _ := f.make(t)
	for i := range len(full) * 8 {
		flipped := []byte(full)
		flipped[i/8] ^= 1 << (i % 8)
		add(fmt.Sprintf("bit %d flipped of a bulk's", i), string(flipped), "")
	}
	for i := range 1000 {
		add(fmt.Sprintf("mutation %d of a bulk's", i), mutate(mathrand.New(mathrand.NewPCG(3, uint64(i))), full), "")
	}
	for i := range len(golden) * 8 {
		flipped := []byte(golden)
		flipped[i/8] ^= 1 << (i % 8)
		add(fmt.Sprintf("bit %d flipped", i), string(flipped), "")
	}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for i := range 2000 {
		add(fmt.Sprintf("mutation %d", i), mutate(random, golden), "")
	}
	return cases
}

// tall makes a receipt with so many hashes on the way up along the left or the
// right edge, of an entry in a log that claims to have so many: the root is what
// comes of the hashes.
func tall(t *testing.T, hashes int, size, index int64, right bool) (text, key string) {
	f := newForge()
	f.size, f.index = 1, 0
	var path string
	f.head = func(root tlog.Hash) string { // the root of the one entry is its leaf hash
		for i := range hashes {
			sibling := tlog.RecordHash([]byte{byte(i)})
			if right {
				root = tlog.NodeHash(sibling, root)
			} else {
				root = tlog.NodeHash(root, sibling)
			}
			path += sibling.String() + "\n"
		}
		return receipt.Checkpoint{Origin: f.name, Size: size, Root: root}.Text()
	}
	f.text = func(s string) string {
		return strings.Replace(s, "index 0\n", fmt.Sprintf("index %d\n%s", index, path), 1)
	}
	return f.make(t)
}

// maxReceipt is the most bytes that a receipt may have.
const maxReceipt = 64 << 10

// sized makes a good receipt of exactly so many bytes. Base64 grows by four at
// a time; a longer name and a larger log, which stand in clear, make up the rest.
func sized(t *testing.T, size int) (text, key string) {
	t.Helper()
	for tried := range 40 {
		f := newForge()
		f.name += strings.Repeat("n", tried/2)
		f.size = []int64{9, 15}[tried%2]
		pad := func(n int) string { return strings.Replace(goodPayload, "24 months", strings.Repeat("m", n), 1) }
		f.payload = pad(0)
		short, _ := f.make(t)
		for n := (size-len(short))*3/4 + 3; n > 0; n-- {
			f.payload = pad(n)
			if text, key = f.make(t); len(text) <= size {
				break
			}
		}
		if len(text) == size {
			return text, key
		}
	}
	t.Fatalf("no receipt of %d bytes", size)
	return
}

// mutate changes a text in one of the ways that files come to harm.
func mutate(r *mathrand.Rand, text string) string {
	for range 1 + r.IntN(3) {
		at := r.IntN(len(text))
		end := min(len(text), at+1+r.IntN(40))
		switch r.IntN(7) {
		case 0:
			text = text[:at] + string(rune(r.IntN(0x250))) + text[at:]
		case 1:
			text = text[:at] + text[end:]
		case 2:
			text = text[:at] + text[at:end] + text[at:]
		case 3:
			text = text[:at] + string([]byte{byte(r.IntN(256))}) + text[at+1:]
		case 4:
			lines := strings.SplitAfter(text, "\n")
			a, b := r.IntN(len(lines)), r.IntN(len(lines))
			lines[a], lines[b] = lines[b], lines[a]
			text = strings.Join(lines, "")
		case 5:
			text = text[:at] + strings.ToUpper(text[at:end]) + text[end:]
		case 6:
			text = text[:max(1, at)]
		}
		if text == "" {
			return "-"
		}
	}
	return text
}

// misspellings write the same receipt in another way, or nearly the same.
var misspellings = map[string]func(string) string{
	"empty":             func(string) string { return "" },
	"header alone":      func(string) string { return "c2sp.org/tlog-proof@v1\n" },
	"byte order mark":   func(s string) string { return "\ufeff" + s },
	"CR LF":             func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"no last line end":  func(s string) string { return strings.TrimSuffix(s, "\n") },
	"one line end more": func(s string) string { return s + "\n" },
	"blank line first":  func(s string) string { return "\n" + s },
	"another version":   func(s string) string { return strings.Replace(s, "@v1", "@v2", 1) },
	"two spaces":        func(s string) string { return strings.Replace(s, "extra ", "extra  ", 1) },
	"leading zero":      func(s string) string { return strings.Replace(s, "index 3", "index 03", 1) },
	"plus sign":         func(s string) string { return strings.Replace(s, "index 3", "index +3", 1) },
	"fraction":          func(s string) string { return strings.Replace(s, "index 3", "index 3.0", 1) },
	"minus zero":        func(s string) string { return strings.Replace(s, "index 3", "index -0", 1) },
	"wide digit":        func(s string) string { return strings.Replace(s, "index 3", "index ３", 1) },
	"underscore":        func(s string) string { return strings.Replace(s, "index 3", "index 3_0", 1) },
	"past the end":      func(s string) string { return strings.Replace(s, "index 3", "index 7", 1) },
	"past counting":     func(s string) string { return strings.Replace(s, "index 3", "index 9223372036854775808", 1) },
	"last that can be":  func(s string) string { return strings.Replace(s, "index 3", "index 9223372036854775807", 1) },
	"no index":          func(s string) string { return strings.Replace(s, "index 3\n", "", 1) },
	"index before extra": func(s string) string {
		l := strings.SplitAfter(s, "\n")
		l[1], l[2] = l[2], l[1]
		return strings.Join(l, "")
	},
	"a hash less": func(s string) string {
		l := strings.SplitAfter(s, "\n")
		return strings.Join(append(l[:3:3], l[4:]...), "")
	},
	"a hash twice": func(s string) string {
		l := strings.SplitAfter(s, "\n")
		return strings.Join(append(l[:4:4], l[3:]...), "")
	},
	"64 hashes": func(s string) string {
		l := strings.SplitAfter(s, "\n")
		l[3] = strings.Repeat(l[3], 62)
		return strings.Join(l, "")
	},
	"hash with a space": func(s string) string { l := strings.SplitAfter(s, "\n"); l[3] = " " + l[3]; return strings.Join(l, "") },
	"hash without padding": func(s string) string {
		l := strings.SplitAfter(s, "\n")
		l[3] = strings.Replace(l[3], "=", "", 1)
		return strings.Join(l, "")
	},
	"line separator in extra": func(s string) string { return strings.Replace(s, "extra ", "extra \u2028", 1) },
	"second empty line":       func(s string) string { return strings.Replace(s, "\n\n", "\n\n\n", 1) },
	"hyphen for dash":         func(s string) string { return strings.Replace(s, "— ", "- ", 1) },
	"half a character":        func(s string) string { return s[:len(s)-1] + "\xed\xa0\x80\n" },
	"signature twice":         func(s string) string { return s + s[strings.LastIndex(s, "— "):] },
	"foreign signature":       func(s string) string { return s + "— witness.example AAAAAAAAAAAAAAAA\n" },
	"foreign signature first": func(s string) string {
		return strings.Replace(s, "— ", "— witness.example AAAAAAAAAAAAAAAA\n— ", 1)
	},
	"words after it": func(s string) string { return s + "thank you\n" },
}

// forgeries are receipts whose hashes and signatures hold, and of which some
// say what a receipt may say and some what it must not.
func forgeries() map[string]*forge {
	all := map[string]*forge{}
	with := func(name string, change func(*forge)) {
		f := newForge()
		change(f)
		all[name] = f
	}
	for i, name := range []string{"x", "a/b", "é", "🐚", "a b", "a+b", "a\u0085b", "a\u00a0b", "a\u2028b", "a\u1680b", "a\nb", "", "a\ufeffb", "a\u2060b", "a\x7fb", "a\x01b", "—", "a=b"} {
		with(fmt.Sprintf("name %d", i), func(f *forge) { f.name = name })
	}
	with("another kind of key", func(f *forge) { f.kind = 2 })
	with("signed by another name", func(f *forge) {
		f.head = func(root tlog.Hash) string {
			return receipt.Checkpoint{Origin: "other.example", Size: f.size, Root: root}.Text()
		}
		f.note = func(s string) string { return strings.Replace(s, "— "+f.name, "— other.example", 1) }
	})
	with("checkpoint of another name", func(f *forge) {
		f.head = func(root tlog.Hash) string {
			return receipt.Checkpoint{Origin: "other.example", Size: f.size, Root: root}.Text()
		}
	})
	for i, p := range payloads() {
		with(fmt.Sprintf("payload %d: %.60q", i, p), func(f *forge) { f.payload = p })
	}
	for i, head := range []string{
		"%s\n7\n%s\nmore\n", "%s\n07\n%s\n", "%s\n+7\n%s\n", "%s\n7 \n%s\n", "other.example\n7\n%[2]s\n", "%s\n8\n%s\n",
		"%s\n9223372036854775807\n%s\n", "%s\n4611686018427387905\n%s\n", "%s\n9223372036854775808\n%s\n", "%s\n0\n%s\n", "%s\n7\n%s=\n", "%s\n\n%s\n",
		"%s\n7\n\n%s\n", "\n%s\n7\n%s\n", "%s\n7\n", "%s\n7\n %s\n", "%s\n7\n%s\n\n",
	} {
		with(fmt.Sprintf("checkpoint %d", i), func(f *forge) {
			f.head = func(root tlog.Hash) string {
				return strings.TrimSuffix(fmt.Sprintf(head, f.name, root.String()), "%!(EXTRA string="+root.String()+")")
			}
		})
	}
	for i, extra := range []string{
		`{"key":%[2]s,"k":%[1]s,"payload":%[3]s}`, `{"k":%s,"key":%s,"payload":%s} `, ` {"k":%s,"key":%s,"payload":%s}`,
		`{"k": %s,"key":%s,"payload":%s}`, `{"k":%s,"key":%s,"payload":%s,"z":1}`, `{"K":%s,"key":%s,"payload":%s}`,
		`{"k":%[1]s,"k":%[1]s,"key":%[2]s,"payload":%[3]s}`, `{"k":null,"key":%[2]s,"payload":%[3]s}`, `[%s,%s,%s]`,
		`{"\u006b":%s,"key":%s,"payload":%s}`, `{"k":%[1]s,"payload":%[3]s}`, `{"k":%s,"key":%s,"payload":%s}`,
		"\ufeff" + `{"k":%s,"key":%s,"payload":%s}`, "{\"k\":%s,\"key\":%s,\"payload\":%s}\xff",
	} {
		with(fmt.Sprintf("extra %d", i), func(f *forge) {
			f.extra = func(k, key, payload string) string { return fmt.Sprintf(extra, quote(k), quote(key), quote(payload)) }
		})
	}
	for i, change := range []func(key string) string{
		strings.ToUpper, func(k string) string { return k + "=" }, func(k string) string { return k[:len(k)-4] },
		func(k string) string { return "+" + k }, func(k string) string { return strings.Replace(k, "+", "++", 1) },
		func(k string) string { return strings.Replace(k, "+", " +", 1) }, func(string) string { return "" },
	} {
		with(fmt.Sprintf("key %d", i), func(f *forge) {
			plain := f.extra
			f.extra = func(k, key, payload string) string { return plain(k, change(key), payload) }
		})
	}
	return all
}

// payloads are events and things that are nearly events.
func payloads() []string {
	var all []string
	put := func(member, value string) {
		var e map[string]json.RawMessage
		json.Unmarshal([]byte(goodPayload), &e)
		var parts []string
		for _, name := range []string{"at", "clause", "n", "nonce", "prev", "statement", "type", "x"} {
			v := string(e[name])
			if name == member {
				v = value
			}
			parts = append(parts, `"`+name+`":`+v)
		}
		all = append(all, "{"+strings.Join(parts, ",")+"}")
	}
	for _, at := range []string{
		"2024-02-29T23:59:59Z", "2023-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-24T24:00:00Z",
		"2026-11-24T23:59:60Z", "2026-11-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24T08:15:00.5Z", "2026-11-24T08:15:00.000Z",
		"2026-11-24T08:15:00+00:00", "2026-11-24T08:15:00+01:00", "2026-11-24t08:15:00z", "2026-11-24 08:15:00Z", "2026-11-24T08:15Z",
		"2026-11-24", "", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "+02026-11-24T08:15:00Z", "2026-11-24T8:15:00Z", "2026-00-10T00:00:00Z",
	} {
		put("at", quote(at))
	}
	for _, n := range []string{
		"0", "-1", "-0", "1.0", "1.5", "1e2", "1e21", "100000000000000000000", "9007199254740992", "9007199254740993", "9223372036854775807",
		"9223372036854775000", "9223372036854774784", "9223372036854776000", "-9223372036854776000", "-9223372036854775808", "-9223372036854775000",
		"01", `"1"`, "null", "true", "[1]", "4294967296",
	} {
		put("n", n)
		put("statement", n)
	}
	for _, s := range []string{
		`""`, `"é"`, `"\u00e9"`, `"\""`, `"\\"`, `"/"`, `"\/"`, `"<>&"`, `"\u003c"`, `"\n\t\b\f\r"`, `"\u000a"`, `"\u0001"`, `"\u001f"`, `"\u001F"`,
		`"` + "\x7f" + `"`, `"` + "\u2028\u2029" + `"`, `"\u2028"`, `"🐚"`, `"\ud83d\udc1a"`, `"\ud800"`, `"\udc00"`, `"` + "\xff" + `"`, `"` + "\ufffd" + `"`,
		`"` + "\ufeff" + `"`, "null", "1", "[]", `"a` + "\n" + `b"`, `"` + "\x00" + `"`, `"\u0000"`, `"constructor"`, `"a" `,
	} {
		put("clause", s)
		put("x", `{"s":`+s+`}`)
		put("x", `{`+s+`:1}`)
	}
	for _, x := range []string{
		`{}`, `null`, `[]`, `"x"`, `1`, `{"b":1,"a":2}`, `{"a":1,"a":1}`, `{"a":1,"a":2}`, `{"2":1,"10":2}`, `{"10":2,"2":1}`, `{"1":1,"a":2}`,
		`{"__proto__":1}`, `{"__proto__":{"a":1}}`, `{"constructor":{}}`, `{"\ue000":1,"🐚":2}`, "{\"\ue000\":1,\"🐚\":2}", "{\"🐚\":2,\"\ue000\":1}",
		`{"a":[1,2,{"c":null,"d":true,"e":false}]}`, `{"a": 1}`, `{"a":1 }`, `{"a":[1, 2]}`, `{"a":0.1}`, `{"a":1e-7}`, `{"a":0.0000001}`, `{"a":1e+21}`,
		`{"a":1e21}`, `{"a":1E+21}`, `{"a":1000000000000000000000}`, `{"a":100000000000000000000}`, `{"a":5e-324}`, `{"a":1e-400}`, `{"a":1e400}`,
		`{"a":1.7976931348623157e+308}`, `{"a":333333333.3333333}`, `{"a":333333333.33333329}`, `{"a":-0}`, `{"a":-0.0}`, `{"a":1.10}`, `{"a":9007199254740993}`,
		`{"a":NaN}`, `{"a":undefined}`, `{"a":1,}`, `{a:1}`, `{'a':1}`, `{"a":0x1}`, `{"a":.5}`, `{"a":5.}`, `{"a":+5}`,
		`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, `{"a":` + strings.Repeat(`{"a":`, 500) + `1` + strings.Repeat("}", 500) + `}`,
	} {
		put("x", x)
	}
	return append(all, "", " ", "null", "[]", "{}", `"event"`, goodPayload+" ", goodPayload+goodPayload, " "+goodPayload, "\ufeff"+goodPayload,
		strings.Replace(goodPayload, `"clause"`, `"Clause"`, 1), strings.Replace(goodPayload, `"n":1,`, "", 1), strings.Replace(goodPayload, `"n":1`, `"n":1,"n":1`, 1),
		strings.Replace(goodPayload, `"x":`, `"w":1,"x":`, 1), strings.Replace(goodPayload, `"type":"collect",`, `"type":"collect","u":1,`, 1))
}
