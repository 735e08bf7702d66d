package vault

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

func email(text string) By {
	return By{Field: "email", Category: "user.contact.email", Value: []byte(text)}
}
func tel(text string) By {
	return By{Field: "phone", Category: "user.contact.phone_number", Value: []byte(text)}
}

// hand keeps a record of whoever these values lead to.
func (p *place) hand(t testing.TB, by ...By) (id avow.RecordID, who avow.SubjectID) {
	t.Helper()
	v := values("message", "hello")
	for _, b := range by {
		v[b.Field] = Conceal(b.Value)
	}
	p.commit(t, func(tx *store.Tx) error {
		s, err := p.Subject(ctx, tx, by...)
		if err != nil {
			return err
		}
		who = s.ID()
		id, err = p.Put(ctx, tx, s, Record{Collection: "contact", Version: 1, Expires: p.now.Add(time.Hour), Values: v})
		return err
	})
	return id, who
}

// leads says whom a value leads to; the zero id for nobody.
func (p *place) leads(t testing.TB, by By) (id avow.SubjectID) {
	t.Helper()
	err := p.db.View(ctx, func(tx *store.Tx) error {
		s, err := p.Lookup(ctx, tx, by)
		if err == nil {
			id = s.ID()
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNone) {
		t.Fatal(err)
	}
	return id
}

func TestSeveralIndexedFields(t *testing.T) { each(t, testSeveralIndexedFields) }

func testSeveralIndexedFields(t *testing.T, p *place) {
	_, eve := p.hand(t, email("eve@example.org"), tel("+44 20 7946 0001"))
	if got := p.leads(t, tel("0044 (0)20 7946-0001")); got != eve {
		t.Error("her number, written otherwise, does not lead to her")
	}
	if _, again := p.hand(t, email(""), tel("+442079460001")); again != eve {
		t.Error("her number alone makes somebody else")
	}
	_, bob := p.hand(t, tel("+1 555 0100"))
	if _, again := p.hand(t, email("bob@example.org"), tel("+1 555 0100")); again != bob {
		t.Error("an address that is new beside his number makes somebody else")
	}
	if p.leads(t, email("Bob@example.org")) != bob {
		t.Error("the address that was new does not lead to him")
	}
	// Somebody types Eve's address beside Bob's number: nobody's anything moves.
	_, whose := p.hand(t, email("eve@example.org"), tel("+1 555 0100"))
	if whose != eve || p.leads(t, tel("+15550100")) != bob || p.leads(t, email("bob@example.org")) != bob || p.leads(t, email("eve@example.org")) != eve {
		t.Error("two people were mixed up")
	}
	if _, other := p.hand(t, email("+44 20 7946 0001")); other == eve {
		t.Error("a number in another field leads to her")
	}
}

func TestPhone(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"+44 20 7946 0001", "+442079460001"},
		{" +44 (0)20 7946-0001", "+442079460001"},
		{"(+44) 20.7946.0001", "+442079460001"},
		{"0044 20 7946 0001", "+442079460001"},
		{"020 7946 0001", "02079460001"},
		{"(020) 7946 0001", "02079460001"},
		{"２０ 7946", "207946"},
		{"tel. 7946", "7946"},
		{"", ""},
		{"none", ""},
		{"+", ""},
		{"00", "00"},
	} {
		if got := string(normal("user.contact.phone_number", []byte(c.in))); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
	if got := string(normal("user.contact.phone_number.mobile", []byte("1-2"))); got != "12" {
		t.Error("a narrower category is another:", got)
	}
	if got := string(normal("user.contact.phone_numbers", []byte("1-2"))); got != "1-2" {
		t.Error("another category is taken for a number:", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		once := phone([]byte(rapid.StringOf(rapid.SampledFrom([]rune("+0123 ()-x４"))).Draw(t, "number")))
		if twice := phone(once); string(once) != string(twice) {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}

func (p *place) update(t testing.TB, id avow.RecordID, changes map[avow.Field]Sealed, version avow.Version, by ...By) {
	t.Helper()
	p.commit(t, func(tx *store.Tx) error {
		c, err := p.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := p.Update(ctx, tx, c, changes, version, by...); err != nil {
			return err
		}
		if _, err := c.Open("message"); err != nil || c.Version != version {
			t.Error("what is in hand is not what is kept:", err)
		}
		return nil
	})
}

func TestUpdate(t *testing.T) { each(t, testUpdate) }

func testUpdate(t *testing.T, p *place) {
	id, eve := p.hand(t, email("eve@example.org"), tel("1"))
	before, err := p.get(t, id)
	if err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(time.Hour)
	p.update(t, id, values("message", "goodbye", "email", "eva@example.org", "phone", "", "name", "Eva"), 2, email("eva@example.org"), tel(""))
	c, err := p.get(t, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Open("message", "email", "phone", "name")
	want := map[avow.Field]string{"message": "goodbye", "email": "eva@example.org", "name": "Eva"}
	if diff := cmp.Diff(want, revealed(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	header := before.Header
	header.Version = 2
	if diff := cmp.Diff(header, c.Header); diff != "" {
		t.Error(diff)
	}
	for by, want := range map[*By]avow.SubjectID{
		{Field: "email", Value: []byte("eva@example.org")}:            eve,
		{Field: "email", Value: []byte("eve@example.org")}:            {},
		{Field: "phone", Category: phoneCategory, Value: []byte("1")}: {},
	} {
		if got := p.leads(t, *by); got != want {
			t.Errorf("%s leads to %s, want %s", by.Value, got, want)
		}
	}
	if _, next := p.hand(t, email("eve@example.org")); next == eve {
		t.Error("who has the old address now is taken for her")
	}
}

// An address moves only if no other record of the person has it, and never away
// from somebody else.
func TestUpdateOfSharedAddress(t *testing.T) { each(t, testUpdateOfSharedAddress) }

func testUpdateOfSharedAddress(t *testing.T, p *place) {
	one, eve := p.hand(t, email("eve@example.org"))
	two, _ := p.hand(t, email("EVE@example.org"))
	_, bob := p.hand(t, email("bob@example.org"))
	p.update(t, one, values("email", "bob@example.org"), 1, email("bob@example.org"))
	if p.leads(t, email("eve@example.org")) != eve || p.leads(t, email("bob@example.org")) != bob {
		t.Error("an address that is still hers, or that is his, moved")
	}
	p.update(t, two, values("email", "Eve@Example.org"), 1, email("Eve@Example.org"))
	if p.leads(t, email("eve@example.org")) != eve {
		t.Error("the same address written otherwise was lost")
	}
	p.update(t, one, values("email", "other@example.org"), 1, email("other@example.org"))
	if p.leads(t, email("bob@example.org")) != bob {
		t.Error("his address was taken from him")
	}
	p.update(t, two, values("email", "other@example.org"), 1, email("other@example.org"))
	if p.leads(t, email("eve@example.org")) != (avow.SubjectID{}) || p.leads(t, email("other@example.org")) != eve {
		t.Error("the last record moved on, and the address did not")
	}
}

func TestUpdateOfNobody(t *testing.T) { each(t, testUpdateOfNobody) }

func testUpdateOfNobody(t *testing.T, p *place) {
	id, eve := p.hand(t, email("eve@example.org"))
	keep, _ := p.hand(t, email("eve@example.org"))
	c, err := p.get(t, id)
	if err != nil {
		t.Fatal(err)
	}
	update := func() error {
		return p.db.Commit(ctx, func(tx *store.Tx) error { return p.Update(ctx, tx, c, values("message", "x"), 1) })
	}
	p.commit(t, func(tx *store.Tx) error { return p.Delete(ctx, tx, id) })
	if err := update(); !errors.Is(err, store.ErrNone) {
		t.Error("a record that was deleted:", err)
	}
	p.commit(t, func(tx *store.Tx) error { return p.Erase(ctx, tx, eve) })
	if err := update(); !errors.Is(err, store.ErrNone) {
		t.Error("a record of somebody who was erased:", err)
	}
	if _, err := p.get(t, keep); !errors.Is(err, store.ErrNone) {
		t.Error("an update brought somebody back:", err)
	}
}

// Any corrections in any order leave the values that were given last.
func TestUpdatesAddUp(t *testing.T) { each(t, testUpdatesAddUp) }

func testUpdatesAddUp(t *testing.T, p *place) {
	fewer(t, "30")
	fields := rapid.SampledFrom([]avow.Field{"a", "b", "c", ""})
	rapid.Check(t, func(rt *rapid.T) {
		id, _ := p.put(t, "", Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("a", "first")})
		want := map[avow.Field]string{"a": "first"}
		for range rapid.IntRange(0, 4).Draw(rt, "times") {
			changes := rapid.MapOf(fields, rapid.StringN(0, 3, 9)).Draw(rt, "changes")
			closed := map[avow.Field]Sealed{}
			for f, v := range changes {
				closed[f] = Conceal([]byte(v))
			}
			p.commit(t, func(tx *store.Tx) error {
				c, err := p.Get(ctx, tx, id)
				if err != nil {
					return err
				}
				return p.Update(ctx, tx, c, closed, 1)
			})
			maps.Copy(want, changes)
			maps.DeleteFunc(want, func(_ avow.Field, v string) bool { return v == "" })
		}
		c, err := p.get(t, id)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := c.Open("a", "b", "c", "")
		if diff := cmp.Diff(want, revealed(got)); diff != "" || err != nil {
			rt.Fatal(err, diff)
		}
	})
}

// Whoever keeps something of a subject is told before the subject goes, however
// it comes about.
func TestForgetIsAsked(t *testing.T) { each(t, testForgetIsAsked) }

func testForgetIsAsked(t *testing.T, p *place) {
	var told []avow.SubjectID
	p.Vault.opt.Forget = func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
		if _, err := p.Find(ctx, tx, id); err != nil {
			t.Error("told too late:", err)
		}
		told = append(told, id)
		return nil
	}
	id, eve := p.hand(t, email("eve@example.org"))
	second, _ := p.hand(t, email("eve@example.org"))
	_, bob := p.hand(t, email("bob@example.org"))
	steps := []struct {
		what func(tx *store.Tx) error
		want []avow.SubjectID
	}{
		{func(tx *store.Tx) error { return p.Delete(ctx, tx, id) }, nil},
		{func(tx *store.Tx) error { return p.Delete(ctx, tx, second) }, []avow.SubjectID{eve}},
		{func(tx *store.Tx) error { return p.Delete(ctx, tx, second) }, nil},
		{func(tx *store.Tx) error { return p.Erase(ctx, tx, bob) }, []avow.SubjectID{bob}},
		{func(tx *store.Tx) error { return p.Erase(ctx, tx, bob) }, nil},
	}
	for i, s := range steps {
		told = nil
		p.commit(t, s.what)
		if diff := cmp.Diff(s.want, told); diff != "" {
			t.Error(i, diff)
		}
	}
	broken := errors.New("cannot")
	_, eve = p.hand(t, email("eve@example.org"))
	p.Vault.opt.Forget = func(context.Context, *store.Tx, avow.SubjectID) error { return broken }
	if err := p.db.Commit(ctx, func(tx *store.Tx) error { return p.Erase(ctx, tx, eve) }); !errors.Is(err, broken) || p.leads(t, email("eve@example.org")) != eve {
		t.Error("half an erasure:", err)
	}
}
