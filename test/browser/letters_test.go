package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// reader numbers the people who get letters: nobody is asked too often.
var reader atomic.Int64

// subscribe fills in the newsletter's form by the keyboard, for somebody new.
func (v *visitor) subscribe() (address string) {
	v.t.Helper()
	address = fmt.Sprintf("reader-%d@example.com", reader.Add(1))
	v.open("/f/newsletter")
	v.tabTo("[name=email]")
	v.write(address)
	v.tabTo("form button")
	v.enter()
	return address
}

// letter opens the page to which a link in the newest letter to somebody leads.
// Letters leave within a second, so it looks again until there is one.
func (v *visitor) letter(address, link string) {
	v.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("article")].find(a => a.textContent.includes(%q))?.querySelector('%s')?.getAttribute("href") ?? ""`, address, link)
	for range 100 {
		v.open("/privacy/outbox")
		if to := eval[string](v, find); to != "" {
			v.must(v.Navigate(v.t.Context(), to))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	v.t.Fatalf("no letter with %s came", link)
}

// asked comes to the page that asks whether letters are to start.
func (v *visitor) asked() (address string) {
	v.t.Helper()
	address = v.subscribe()
	v.letter(address, `a[href*="/u/start/"]`)
	return address
}

// reading comes to the page of the link in a letter that was asked for.
func (v *visitor) reading() {
	v.t.Helper()
	address := v.asked()
	v.tabTo("form button")
	v.enter()
	house := startDemo(v.t)
	token, err := os.ReadFile(filepath.Join(house.dir, "keys", "token"))
	v.must(err)
	body, err := json.Marshal(map[string]any{"purpose": "news", "to": []string{address}, "subject": "A new tide clock",
		"text": "It is blue.\n\nNo more of these: {unsubscribe}"})
	v.must(err)
	r, err := http.NewRequestWithContext(v.t.Context(), "POST", house.private+"/v1/messages", bytes.NewReader(body))
	v.must(err)
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	v.must(err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		v.t.Fatalf("send: %s", answer.Status)
	}
	v.letter(address, `a[href*="/u/"]:not([href*="/u/start/"])`)
}

// stopByPage types an address into the page of choices and presses the first
// button: nothing at all.
func (v *visitor) stopByPage() {
	v.t.Helper()
	v.open("/privacy/choices")
	v.tabTo("[name=email]")
	v.write("nobody-we-know@example.com")
	v.tabTo("button[value=nothing]")
	v.enter()
}

// TestLetters goes the whole way without a mouse: ask, confirm, get a letter, look
// at its link without stopping anything, stop, and see that it stays stopped.
func TestLetters(t *testing.T) {
	v := visit(t)
	v.reading()
	link := eval[string](v, "location.pathname")
	v.says("h1", "Stop letters")
	v.open(link)
	v.says("h1", "Stop letters") // to look stopped nothing
	v.tabTo("button[value=this]")
	v.enter()
	v.says("h1", "Stopped")
	v.says("main", "Receipt")
	v.axe("stopped")
	v.open(link)
	v.says("h1", "These letters are stopped")
	v.tabTo("button[value='*']")
	v.enter()
	v.open(link)
	v.says("h1", "Everything is stopped")
	v.quiet()
}
