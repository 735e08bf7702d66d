package bar

import (
	"embed"
	"strings"
)

//go:embed words/*.txt
var lexicon embed.FS

// words are what is said, by key.
type words map[string]string

// wordsOf are the words in a language (BCP 47), or in English.
func wordsOf(language string) words {
	code, _, _ := strings.Cut(strings.ToLower(language), "-")
	text, err := lexicon.ReadFile("words/" + code + ".txt")
	if err != nil {
		code = "en"
		text, _ = lexicon.ReadFile("words/en.txt")
	}
	w := words{"lang": code}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(key, "#") {
			w[key] = value
		}
	}
	return w
}

// with puts something into a sentence.
func (w words) with(key, what string) string { return strings.ReplaceAll(w[key], "…", what) }
