package stops

import (
	"crypto/rand"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// What is tried is tried on an address that nobody has, with a purpose that people
// opt into, and one that is part of what they asked for.
var (
	news    = &statement.Purpose{Name: "news", Basis: "opt-in", Channel: "email"}
	deliver = &statement.Purpose{Name: "deliver", Basis: "contract", Channel: "email"}
)

// TryLink tries the link of a letter to nobody, and says what is wrong, or "".
func (b *Book) TryLink() string {
	var digest [32]byte
	rand.Read(digest[:])
	token := b.Token(digest, news.Name)
	if got, p, err := b.Parse(token); err != nil || got != digest || p != news.Name {
		return "A link of a letter does not open."
	}
	last := byte('A')
	if token[len(token)-1] == last {
		last = 'B'
	}
	if _, _, err := b.Parse(token[:len(token)-1] + string(last)); err == nil {
		return "A link that somebody changed opens."
	}
	w := word{scope: news.Name, started: 2}
	if (Set{w}).Why(true, news) != "" {
		return "Letters that were asked for do not come."
	}
	if w.stop(3, 3, w.started, Click); (Set{w}).Why(true, news) == "" {
		return "A click does not stop letters."
	}
	return ""
}

// stopped is a word that was stopped at some time.
func stopped(scope avow.Purpose) word {
	w := word{scope: scope}
	w.stop(5, 5, 0, Page)
	return w
}

// TryImport imports somebody who had stopped, with consent from elsewhere.
func TryImport() string {
	w := stopped(news.Name)
	w.consent()
	other := word{scope: news.Name}
	if other.consent(); (Set{w}).Why(false, news) == "" || (Set{stopped(All), other}).Why(true, news) == "" {
		return "An import starts letters that were stopped."
	}
	return ""
}

// TryTopics stops each topic alone, and then everything.
func TryTopics(e *statement.Edition, topics []avow.Purpose) string {
	for _, t := range topics {
		for _, other := range topics {
			p := e.Purpose(other)
			if alone := (Set{stopped(t)}).Why(false, p) != ""; alone != (t == other) || (Set{stopped(All)}).Why(false, p) == "" {
				return "A topic cannot be stopped alone."
			}
		}
	}
	if (Set{stopped(All)}).Why(false, deliver) != "" {
		return "“Nothing at all” stops what somebody asked for."
	}
	return ""
}

// TryConfirm tries an address that nobody has confirmed, and then does.
func TryConfirm(e *statement.Edition) string {
	w := word{scope: news.Name}
	before := (Set{w}).Why(Confirms(e), news)
	if w.start(2, 0); before != "unconfirmed" || (Set{w}).Why(Confirms(e), news) != "" {
		return "Letters come to an address that nobody has confirmed."
	}
	return ""
}

// Failed says that some stops are in the journal and not in the table yet.
func (b *Book) Failed() bool {
	b.journal.mu.Lock()
	defer b.journal.mu.Unlock()
	return b.journal.failed > 0
}
