package backup

import (
	"fmt"
	"strings"
)

// A table is one that a backup holds, with its columns in order. A test holds
// the list to the schema, so that no table is forgotten.
type table struct {
	name    string
	columns []string
}

// tables are in the order in which they can be filled: a row comes after the
// row that it refers to.
var tables = []table{
	{"vault_epoch", []string{"n", "check_value", "since"}},
	{"vault_subject", []string{"id", "epoch", "wrapped"}},
	{"vault_index", []string{"digest", "subject"}},
	{"vault_record", []string{"id", "subject", "collection", "version", "collected", "expires", "sealed"}},
	{"ledger_head", []string{"log", "origin", "size", "root", "edge", "state"}},
	{"ledger_chunk", []string{"log", "first", "data"}},
	{"ledger_tile", []string{"log", "level", "n", "hashes"}},
	{"ledger_checkpoint", []string{"log", "size", "note", "signed"}},
	{"ledger_event", []string{"subject", "about", "n", "log", "leaf", "pos", "version", "sealed"}},
	{"ledger_bulk", []string{"log", "leaf", "commitments"}},
	{"statement_version", []string{"n", "source", "rule_hash", "text_hash", "updated", "class", "published", "leaf"}},
	{"notice_served", []string{"version", "day", "served"}},
	{"form_tally", []string{"form", "outcome", "n"}},
	{"read_tally", []string{"purpose", "outcome", "n"}},
	{"api_token", []string{"id", "digest", "name", "scope", "created", "expires", "revoked"}},
	{"api_idempotency", []string{"digest", "request", "subject", "did", "about", "n", "expires"}},
}

func (t *table) selectAll() string {
	return "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
}

// insert is the statement that adds n rows at once.
func (t *table) insert(n int) string {
	var s strings.Builder
	fmt.Fprintf(&s, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
	for i := range n * len(t.columns) {
		switch {
		case i%len(t.columns) > 0:
			s.WriteString(", ")
		case i > 0:
			s.WriteString("), (")
		default:
			s.WriteString("(")
		}
		fmt.Fprintf(&s, "$%d", i+1)
	}
	s.WriteString(")")
	return s.String()
}
