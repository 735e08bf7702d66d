package popular

import (
	"net/http"
	"strings"
)

// reads says whether somebody wants to read a page: a navigation of the window
// (W3C Fetch Metadata), or from browsers that do not say, a request for HTML. A
// prefetch is nobody's reading yet, and a bot is nobody.
func reads(r *http.Request) bool {
	if r.Method != http.MethodGet || first(r.Header["Sec-Purpose"]) != "" || first(r.Header["Purpose"]) == "prefetch" {
		return false
	}
	if mode := first(r.Header["Sec-Fetch-Mode"]); mode != "" {
		if mode != "navigate" || first(r.Header["Sec-Fetch-Dest"]) != "document" {
			return false
		}
	} else if !strings.Contains(first(r.Header["Accept"]), "text/html") {
		return false
	}
	return !bot(first(r.Header["User-Agent"]))
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// machines are words in the names of programs that read pages by themselves.
var machines = []string{"bot", "crawl", "spider", "slurp", "preview", "headless", "monitor", "fetch", "curl", "wget", "python", "http", "java/", "avow"}

// begun are the machines by the letter that they begin with, in either case.
var begun = func() (by [256][]string) {
	for _, word := range machines {
		for _, c := range []byte{word[0], word[0] - 'a' + 'A'} {
			by[c] = append(by[c], word)
		}
	}
	return by
}()

// bot says whether a browser's name is a machine's, or missing. A machine that
// gives itself a person's is counted as a person.
func bot(agent string) bool {
	for i := range len(agent) {
		for _, word := range begun[agent[i]] {
			if has(agent[i:], word) && !(word == "bot" && i >= 2 && has(agent[i-2:], "cu")) { // Cubot makes phones
				return true
			}
		}
	}
	return agent == ""
}

// has says whether text begins with a word, in either case.
func has(text, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if c := text[i]; c != word[i] && (c < 'A' || c > 'Z' || c+('a'-'A') != word[i]) {
			return false
		}
	}
	return true
}
