package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// A place is a vault with what it stands on.
type place struct {
	*Vault
	db   *store.DB
	keys *seal.Keys
	now  time.Time

	keeper *keeper
	cfg    store.Config
	dir    string // of the keys
}

// A keeper keeps the state as the ledger does, and nothing else.
type keeper struct{ kept, staged store.State }

func (k *keeper) Write(_ context.Context, tx *store.Tx, _ []any) error {
	k.staged = k.kept.Plus(tx.Change())
	return nil
}
func (k *keeper) Durable() { k.kept = k.staged }
func (k *keeper) Lost()    {}

// each runs a test over an empty vault on each engine.
func each(t *testing.T, fn func(t *testing.T, p *place)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, cfg store.Config) { fn(t, openAt(t, cfg, t.TempDir())) })
}

func open(t testing.TB) *place {
	t.Helper()
	return openAt(t, store.Config{Path: t.TempDir()}, t.TempDir())
}

// openAt opens a vault, again if it was there. What the test closed itself is
// closed.
func openAt(t testing.TB, cfg store.Config, dir string) *place {
	t.Helper()
	p := &place{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), keeper: &keeper{}, cfg: cfg, dir: dir}
	cfg.Clock = func() time.Time { return p.now }
	var err error
	if p.db, err = store.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.db.Close() })
	p.db.Attach(p.keeper)
	spec := "file:" + filepath.Join(dir, "keys")
	if p.keys, err = seal.Open(spec, seal.Options{}); errors.Is(err, seal.ErrNone) {
		p.keys, err = seal.Create(spec, seal.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.Vault, err = Open(ctx, p.db, p.keys, Options{Settle: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	return p
}

// meddle changes rows behind the vault's back.
func (p *place) meddle(t testing.TB, query string, args ...any) {
	t.Helper()
	p.commit(t, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if n == 0 {
			t.Error("nothing was changed: this test shows nothing")
		}
		return err
	})
}

func (p *place) commit(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := p.db.Commit(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

// put keeps a record of whoever has the address.
func (p *place) put(t testing.TB, address string, r Record) (id avow.RecordID, who avow.SubjectID) {
	t.Helper()
	p.commit(t, func(tx *store.Tx) error {
		s, err := p.Subject(ctx, tx, By{Field: "email", Value: []byte(address)})
		if err != nil {
			return err
		}
		who = s.ID()
		id, err = p.Put(ctx, tx, s, r)
		return err
	})
	return id, who
}

func (p *place) get(t testing.TB, id avow.RecordID) (*Closed, error) {
	t.Helper()
	var c *Closed
	return c, p.db.View(ctx, func(tx *store.Tx) (err error) { c, err = p.Get(ctx, tx, id); return err })
}

func values(pairs ...string) map[avow.Field]Sealed {
	v := map[avow.Field]Sealed{}
	for i := 0; i < len(pairs); i += 2 {
		v[avow.Field(pairs[i])] = Conceal([]byte(pairs[i+1]))
	}
	return v
}

func revealed(v map[avow.Field]Sealed) map[avow.Field]string {
	plain := map[avow.Field]string{}
	for field, value := range v {
		plain[field] = string(value.Reveal())
	}
	return plain
}

func TestOpensOnlyWhatIsNamed(t *testing.T) { each(t, testOpensOnlyWhatIsNamed) }

func testOpensOnlyWhatIsNamed(t *testing.T, p *place) {
	id, who := p.put(t, "eve@example.org", Record{Collection: "contact", Version: 3, Expires: p.now.Add(time.Hour),
		Values: values("name", "Eve", "message", "hello\x00", "empty", "")})
	c, err := p.get(t, id)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{id, who, "contact", 3, p.now, p.now.Add(time.Hour)}
	if diff := cmp.Diff(want, c.Header); diff != "" {
		t.Error(diff)
	}
	if c.Owner().ID() != who {
		t.Error("the owner is somebody else")
	}
	for _, ask := range []struct {
		fields []avow.Field
		want   map[avow.Field]string
	}{
		{nil, map[avow.Field]string{}},
		{[]avow.Field{"name"}, map[avow.Field]string{"name": "Eve"}},
		{[]avow.Field{"message", "empty", "nothing"}, map[avow.Field]string{"message": "hello\x00", "empty": ""}},
	} {
		got, err := c.Open(ask.fields...)
		if diff := cmp.Diff(ask.want, revealed(got)); diff != "" || err != nil {
			t.Error(ask.fields, err, diff)
		}
	}
	if _, err := p.get(t, avow.NewRecordID(time.Now())); !errors.Is(err, store.ErrNone) {
		t.Error(err)
	}
}

// Rows that were swapped, moved to somebody else or given another pin do not
// open. Who can write to the database cannot make one person's words another's.
func TestMovedRowsDoNotOpen(t *testing.T) { each(t, testMovedRowsDoNotOpen) }

func testMovedRowsDoNotOpen(t *testing.T, p *place) {
	for i, change := range []struct{ name, query string }{
		{"another record's words", "UPDATE vault_record SET sealed = (SELECT sealed FROM vault_record WHERE id = $2) WHERE id = $1"},
		{"another pin", "UPDATE vault_record SET version = 2 WHERE id = $1 AND id <> $2"},
		{"another subject", "UPDATE vault_record SET subject = (SELECT subject FROM vault_record WHERE id = $2) WHERE id = $1"},
		{"another key", "UPDATE vault_subject SET wrapped = (SELECT wrapped FROM vault_subject s JOIN vault_record r ON r.subject = s.id WHERE r.id = $2) WHERE id = (SELECT subject FROM vault_record WHERE id = $1)"},
	} {
		r := Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("name", "Eve")}
		one, _ := p.put(t, fmt.Sprint("eve", i), r)
		two, _ := p.put(t, fmt.Sprint("bob", i), r)
		p.meddle(t, change.query, one, two)
		p.closed(t, change.name, one)
	}
	one, _ := p.put(t, "eve", Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("name", "Eve")})
	other := avow.NewRecordID(p.now)
	p.meddle(t, "UPDATE vault_record SET id = $2 WHERE id = $1", one, other)
	p.closed(t, "another id", other)
}

// closed makes sure that a record does not open.
func (p *place) closed(t *testing.T, what string, id avow.RecordID) {
	t.Helper()
	c, err := p.get(t, id)
	if err == nil {
		_, err = c.Open("name")
	}
	if !errors.Is(err, seal.ErrClosed) || strings.Contains(err.Error(), "Eve") {
		t.Error(what, err)
	}
}

func TestPackRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "values")
		in := map[avow.Field]Sealed{}
		for name, value := range plain {
			in[avow.Field(name)] = Conceal([]byte(value))
		}
		packed := pack(in)
		out, ok := unpack(packed, nil)
		if diff := cmp.Diff(revealed(in), revealed(out)); diff != "" || !ok {
			t.Fatal(ok, diff)
		}
		if cut := rapid.IntRange(0, len(packed)).Draw(t, "cut"); cut < len(packed) {
			if got, ok := unpack(packed[:cut], nil); ok && len(got) == len(plain) {
				t.Fatal("unpacked all of it from a part")
			}
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(values("a", "b", "c", "")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, packed []byte) {
		if got, ok := unpack(packed, func(f avow.Field) bool { return f == "a" }); ok && len(got) > 1 {
			t.Error("one field became", len(got))
		}
	})
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"eve@example.org", "eve@example.org"},
		{"  Eve@Example.ORG\r\n", "eve@example.org"},
		{"eve@example.org.", "eve@example.org"},
		{"eve@example.org。", "eve@example.org"},
		{"eve@bücher.example", "eve@xn--bcher-kva.example"},
		{"eve@BU\u0308CHER.example", "eve@xn--bcher-kva.example"},
		{"eve@xn--bcher-kva.example", "eve@xn--bcher-kva.example"},
		{"Ev\u0065\u0301@example.org", "ev\u00e9@example.org"},
		{"e.v.e+news@example.org", "e.v.e+news@example.org"},
		{"\"a@b\"@example.org", "\"a@b\"@example.org"},
		{"eve@not a host", "eve@not a host"},
		{"Eve  of\tthe sea", "eve of the sea"},
		{"@", "@"},
		{"", ""},
		{" \t", ""},
	} {
		if got := string(normal("", []byte(c.in))); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		value := []byte(rapid.StringOf(rapid.SampledFrom([]rune("aXn@.-_ +ü"))).Draw(t, "value"))
		if quick, slow := normal("", value), slowly(value); !bytes.Equal(quick, slow) {
			t.Fatalf("%q became %q, and the long way %q", value, quick, slow)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		once := normal("", []byte(rapid.String().Draw(t, "value")))
		if twice := normal("", once); !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}

// slowly does what normal does without its short way: a space is no change, and
// not plain.
func slowly(value []byte) []byte { return normal("", append([]byte(" "), value...)) }

func TestSameAddressSamePerson(t *testing.T) { each(t, testSameAddressSamePerson) }

func testSameAddressSamePerson(t *testing.T, p *place) {
	r := Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("name", "Eve")}
	_, eve := p.put(t, "eve@example.org", r)
	_, again := p.put(t, " EVE@Example.org", r)
	_, bob := p.put(t, "bob@example.org", r)
	_, nobody := p.put(t, "", r)
	_, nobodyElse := p.put(t, " ", r)
	if eve != again {
		t.Error("one address, two people")
	}
	if all := []avow.SubjectID{eve, bob, nobody, nobodyElse}; len(slices.Compact(slices.SortedFunc(slices.Values(all), func(a, b avow.SubjectID) int { return bytes.Compare(a[:], b[:]) }))) != 4 {
		t.Error("two people became one")
	}
	err := p.db.View(ctx, func(tx *store.Tx) error {
		if s, err := p.Lookup(ctx, tx, By{Field: "email", Value: []byte("Eve@example.org")}); err != nil || s.ID() != eve {
			t.Error(err)
		}
		if _, err := p.Lookup(ctx, tx, By{Field: "phone", Value: []byte("eve@example.org")}); !errors.Is(err, store.ErrNone) {
			t.Error("found by another field:", err)
		}
		_, err := p.Lookup(ctx, tx, By{Field: "email", Value: []byte("mallory@example.org")})
		return err
	})
	if !errors.Is(err, store.ErrNone) || strings.Contains(err.Error(), "mallory") {
		t.Error(err)
	}
}

func TestKeysOfOtherData(t *testing.T) { each(t, testKeysOfOtherData) }

func testKeysOfOtherData(t *testing.T, p *place) {
	other, err := seal.Create("file:"+filepath.Join(t.TempDir(), "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wrong *KeysError
	if _, err := Open(ctx, p.db, other, Options{}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "nothing was changed") {
		t.Error(err)
	}
	if _, err := Open(ctx, p.db, p.keys, Options{}); err != nil {
		t.Error("the right keys, after that:", err)
	}
}

// All records of a collection are listed once each, oldest first, whatever the
// size of the pages.
func TestPages(t *testing.T) { each(t, testPages) }

func testPages(t *testing.T, p *place) {
	var want []avow.RecordID
	for i := range 23 {
		if i%3 == 0 {
			p.now = p.now.Add(time.Microsecond) // several records share a moment
		}
		id, _ := p.put(t, fmt.Sprint(i%4), Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("n", "1")})
		want = append(want, id)
		p.put(t, "x", Record{Collection: "order", Version: 1, Expires: p.now, Values: values("n", "1")})
	}
	for limit := 1; limit < 30; limit += 6 {
		var got []avow.RecordID
		var last time.Time
		for after := ""; ; {
			var page []Header
			err := p.db.View(ctx, func(tx *store.Tx) (err error) { page, err = p.List(ctx, tx, "contact", after, limit); return err })
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, h := range page {
				// An id tells milliseconds; within one, the order is any.
				if ms := h.Collected.Truncate(time.Millisecond); ms.Before(last) {
					t.Fatal("not oldest first")
				} else {
					got, last = append(got, h.ID), ms
				}
			}
			after = page[len(page)-1].Mark()
		}
		byBytes := func(a, b avow.RecordID) int { return bytes.Compare(a[:], b[:]) }
		if !slices.Equal(slices.SortedFunc(slices.Values(got), byBytes), slices.SortedFunc(slices.Values(want), byBytes)) {
			t.Errorf("pages of %d gave %d records of %d", limit, len(got), len(want))
		}
	}
	for _, mark := range []string{"x", "1", "1.", ".rec_", "9999999999999999999999." + want[0].String(), "1." + want[0].String() + "x"} {
		err := p.db.View(ctx, func(tx *store.Tx) error { _, err := p.List(ctx, tx, "contact", mark, 1); return err })
		if !errors.Is(err, ErrMark) {
			t.Errorf("mark %q: %v", mark, err)
		}
	}
}

func TestLettingGo(t *testing.T) { each(t, testLettingGo) }

func testLettingGo(t *testing.T, p *place) {
	record := func(keep time.Duration) Record {
		return Record{Collection: "contact", Version: 1, Expires: p.now.Add(keep), Values: values("n", "1")}
	}
	first, eve := p.put(t, "eve", record(2*time.Hour))
	second, _ := p.put(t, "eve", record(time.Hour))
	_, bob := p.put(t, "bob", record(72*time.Hour))
	due := func() (ids []avow.RecordID) {
		p.commit(t, func(tx *store.Tx) error {
			found, err := p.Expired(ctx, tx, 10)
			for _, h := range found {
				ids = append(ids, h.ID)
			}
			return err
		})
		return ids
	}
	if got := due(); got != nil {
		t.Error("due at once:", got)
	}
	p.now = p.now.Add(2 * time.Hour)
	if got := due(); !slices.Equal(got, []avow.RecordID{second, first}) {
		t.Error("due after two hours:", got)
	}
	exists := func(who avow.SubjectID) bool {
		err := p.db.View(ctx, func(tx *store.Tx) error { _, err := p.Find(ctx, tx, who); return err })
		if err != nil && !errors.Is(err, store.ErrNone) {
			t.Fatal(err)
		}
		return err == nil
	}
	remove := func(id avow.RecordID) {
		p.commit(t, func(tx *store.Tx) error { return p.Delete(ctx, tx, id) })
	}
	remove(first)
	if !exists(eve) {
		t.Error("forgot somebody of whom a record is kept")
	}
	remove(second)
	remove(second)
	if exists(eve) || !exists(bob) {
		t.Error("the last record did not take its subject, or took another")
	}
}

func TestCounts(t *testing.T) { each(t, testCounts) }

func testCounts(t *testing.T, p *place) {
	for i, version := range []avow.Version{1, 1, 2} {
		p.now = p.now.Add(time.Minute)
		p.put(t, fmt.Sprint(i%2), Record{Collection: "contact", Version: version, Expires: p.now, Values: values("n", "1")})
	}
	err := p.db.View(ctx, func(tx *store.Tx) error {
		got, err := p.Counts(ctx, tx)
		want := Counts{2, []RecordCount{{"contact", 1, 2, p.now.Add(-2 * time.Minute)}, {"contact", 2, 1, p.now}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if err != nil {
			return err
		}
		var of []Header
		if of, err = p.Of(ctx, tx, avow.NewSubjectID(time.Now())); of != nil {
			t.Error("records of nobody")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// However a value is printed, it is not printed.
func TestSealedDoesNotPrint(t *testing.T) {
	s := Conceal([]byte("canary"))
	type holder struct{ value Sealed }
	for _, v := range []any{s, &s, holder{s}, &holder{s}, []Sealed{s}, map[avow.Field]Sealed{"f": s}, Record{Values: map[avow.Field]Sealed{"f": s}},
		By{Field: "f", Value: s.Reveal()}, []By{{Value: s.Reveal()}}, &By{Value: s.Reveal()}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
		for _, hint := range []string{"canary", "63616e617279", "99 97 110", "0x63, 0x61"} {
			if strings.Contains(out.String(), hint) {
				t.Errorf("%T printed its value:\n%s", v, out.String())
			}
		}
	}
	if got := fmt.Sprintf("%v %s %+v %#v %d", s, s, s, s, s); got != strings.TrimSpace(strings.Repeat("[sealed] ", 5)) || s.String() != "[sealed]" {
		t.Error(got)
	}
	s.Clear()
	if string(s.Reveal()) == "canary" || Sealed.Reveal(Sealed{}) != nil {
		t.Error("not forgotten")
	}
}
