package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lists answers as a house does, and says what it was sent.
func lists(t *testing.T, sent *[]string) *Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer secret" {
			t.Error(err, r.Header)
		}
		*sent = append(*sent, r.URL.RequestURI()+" "+r.Header.Get("Content-Type")+" "+string(body))
		io.WriteString(w, `{"taken":1,"bad":[1],"stopped":[0]}`)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuppress(t *testing.T) {
	for name, c := range map[string]struct {
		list, sent string
		bad        int
	}{
		"lines": {"\xef\xbb\xbf\na@b.example \r\n\nx\n", "text/plain a@b.example\nx\n", 4},
		"CSV":   {"Name;Email\n\"A\nB\";a@b.example\nC;x\n", "text/csv Name,Email\n\"A\nB\",a@b.example\nC,x\n", 4},
		"JSON":  {` ["a@b.example", {"email": "x"}]`, `application/json ["a@b.example",{"email": "x"}]`, 2},
	} {
		var sent []string
		got, err := lists(t, &sent).Suppress(t.Context(), "secret", strings.NewReader(c.list), Suppressions{For: "news", Reason: "staff"}, nil)
		if diff := cmp.Diff([]string{"/v1/suppressions?for=news&partly=true&reason=staff " + c.sent}, sent); diff != "" || err != nil {
			t.Errorf("%s: it sends %s (%v)", name, diff, err)
		}
		if got.Taken != 1 || len(got.Bad) != 1 || got.Bad[0] != c.bad {
			t.Errorf("%s: it is answered %+v", name, got)
		}
	}
	for name, list := range map[string]string{"nothing": " \n", "a line that is too long": "a@b.example" + strings.Repeat("x", 70<<10), "no end": `["a@b.example"`} {
		var sent []string
		if _, err := lists(t, &sent).Suppress(t.Context(), "secret", strings.NewReader(list), Suppressions{}, nil); err == nil || strings.Contains(err.Error(), "a@b") {
			t.Errorf("%s is answered %v", name, err)
		}
	}
}

// TestSuppressMany: a long list goes in pieces, and its lines keep their numbers.
func TestSuppressMany(t *testing.T) {
	const n = 12_000
	for name, list := range map[string]func(*strings.Builder, int){
		"lines": func(b *strings.Builder, i int) { fmt.Fprintf(b, "a%d@b.example\n", i) },
		"CSV": func(b *strings.Builder, i int) {
			if i == 0 {
				b.WriteString("email\n")
			}
			fmt.Fprintf(b, "a%d@b.example\n", i)
		},
		"JSON": func(b *strings.Builder, i int) {
			fmt.Fprintf(b, "%c\"a%d@b.example\"", map[bool]rune{true: '[', false: ','}[i == 0], i)
			if i == n-1 {
				b.WriteByte(']')
			}
		},
	} {
		var b strings.Builder
		for i := range n {
			list(&b, i)
		}
		var sent []string
		c := lists(t, &sent)
		told := 0
		got, err := c.Suppress(t.Context(), "secret", strings.NewReader(b.String()), Suppressions{}, func(lines int) { told = lines })
		head := map[bool]int{true: 1}[name == "CSV"]
		if diff := cmp.Diff([]int{2 + head, 5002 + head, 10002 + head}, got.Bad); diff != "" || err != nil || got.Taken != 3 || told != n+head || len(sent) != 3 {
			t.Errorf("%s: %s, %d pieces, %d told (%v)", name, diff, len(sent), told, err)
		}
		all, err := c.CheckSuppressed(t.Context(), "secret", strings.NewReader(b.String()), Suppressions{})
		if err != nil || len(all) != n || !all[5000].Stopped || all[5000].Line != 5001+head || !all[5001].Bad || all[5002].Stopped {
			t.Errorf("%s: %d lines are checked (%v)", name, len(all), err)
		}
	}
}
