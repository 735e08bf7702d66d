package sqlite

import "strings"

// There is one SQL text, and it is PostgreSQL's. SQLite gets a translation,
// made once per statement.

// Query writes $1 as ?1. To SQLite $1 is a parameter named "1": it is
// numbered by first appearance, so that out of order it binds the wrong value
// without a word.
func Query(query string) string {
	return translate(strings.TrimSuffix(query, forUpdate), func(token string) string {
		if token[0] == '$' {
			return "?" + token[1:]
		}
		if t, ok := sqliteTypes[token]; ok {
			return t // in a CAST
		}
		return token
	})
}

// forUpdate locks rows where others may write too. SQLite has one writer.
const forUpdate = " FOR UPDATE"

// sqliteTypes are the types of our tables, in the words of a STRICT table.
var sqliteTypes = map[string]string{"BYTEA": "BLOB", "BIGINT": "INTEGER"}

// withoutRowID heads a table whose rows lie in the tree of its key.
const withoutRowID = "-- sqlite: WITHOUT ROWID\nCREATE TABLE"

// Schema translates table definitions.
func Schema(ddl string) string {
	table, depth, ending := false, 0, ""
	ddl = strings.ReplaceAll(ddl, withoutRowID, "CREATE CLUSTERED TABLE")
	return translate(ddl, func(token string) string {
		switch token {
		case "CLUSTERED":
			ending = ", WITHOUT ROWID"
			return "/* by key */"
		case "TABLE":
			table = true
		case "(":
			depth++
		case ")":
			depth--
			if depth == 0 && table {
				end := ") STRICT" + ending
				table, ending = false, ""
				return end
			}
		}
		if t, ok := sqliteTypes[token]; ok {
			return t
		}
		return token
	})
}

// translate rewrites a text token by token, leaving alone what is quoted or
// commented out.
func translate(text string, word func(token string) string) string {
	var out strings.Builder
	for len(text) > 0 {
		n, quoted := tokenLen(text)
		if quoted {
			out.WriteString(text[:n])
		} else {
			out.WriteString(word(text[:n]))
		}
		text = text[n:]
	}
	return out.String()
}

// tokenLen measures the token at the start of text: a quoted string or name, a
// comment, a parameter, a word, or a single byte of anything else.
func tokenLen(text string) (n int, quoted bool) {
	switch {
	case text[0] == '\'' || text[0] == '"':
		// A doubled quote ends one string and starts the next, which comes to the same.
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return end + 2, true
		}
		return len(text), true
	case strings.HasPrefix(text, "--"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end, true
		}
		return len(text), true
	case strings.HasPrefix(text, "/*"):
		if end := strings.Index(text[2:], "*/"); end >= 0 {
			return end + 4, true
		}
		return len(text), true
	case text[0] == '$' || isWord(text[0]):
		n = 1
		for n < len(text) && isWord(text[n]) {
			n++
		}
		return n, text[0] == '$' && !isNumber(text[1:n])
	}
	return 1, false
}

func isWord(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
