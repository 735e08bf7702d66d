package backup

import (
	"fmt"
	"strings"
)

// A table is one that a backup holds.
type table struct {
	name    string
	columns []string // in order
	kinds   []byte   // of their values
}

// tables are in the order in which they can be filled: a row comes after the
// row that it refers to. A test holds the list to the schema, so that no table
// and no column is forgotten.
var tables = []table{
	newTable("vault_epoch", "n integer, check_value bytes, since integer"),
	newTable("vault_subject", "id bytes, epoch integer, wrapped bytes"),
	newTable("vault_index", "digest bytes, subject bytes"),
	newTable("vault_record", "id bytes, subject bytes, collection text, version integer, collected integer, expires integer, sealed bytes"),
	newTable("ledger_head", "log integer, origin text, size integer, root bytes, edge bytes, state bytes, at integer"),
	newTable("ledger_chunk", "log integer, first integer, data bytes"),
	newTable("ledger_tile", "log integer, level integer, n integer, hashes bytes"),
	newTable("ledger_checkpoint", "log integer, size integer, note bytes, signed integer"),
	newTable("ledger_event", "subject bytes, about bytes, n integer, log integer, leaf integer, pos integer, version integer, sealed bytes"),
	newTable("ledger_bulk", "log integer, leaf integer, commitments bytes"),
	newTable("statement_version", "n integer, source bytes, rule_hash bytes, text_hash bytes, updated text, class text, published integer, leaf integer"),
	newTable("notice_served", "version integer, day text, served integer"),
	newTable("form_tally", "form text, outcome text, n integer"),
	newTable("read_tally", "purpose text, outcome text, n integer"),
	newTable("choice_tally", "day text, what text, n integer"),
	newTable("gate_violation", "day text, kind text, what text, place text, how text, n integer, last integer"),
	newTable("signal_tally", "day text, what text, n integer"),
	newTable("optout_signal", "subject bytes, at integer"),
	newTable("link_host", "host text, class text, statement text, met integer, listed integer, seen integer"),
	newTable("link_crawl", "at integer, pages integer, links integer, unlabelled integer, leaks integer"),
	newTable("page_view", "day text, path text, n integer"),
	newTable("optout_word", "digest bytes, scope text, stopped integer, started integer, reason text"),
	newTable("optout_journal", "id bytes, applied integer"),
	newTable("optout_tally", "day text, what text, n integer"),
	newTable("optout_soft", "digest bytes, n integer, since integer"),
	newTable("elsewhere_check", "address text, at integer, status integer, fault text, dead integer"),
	newTable("mail_message", "id bytes, purpose text, record bytes, created integer"),
	newTable("mail_queue", "id bytes, message bytes, subject bytes, record bytes, digest bytes, due integer, tries integer"),
	newTable("mail_sent", "id bytes, digest bytes, purpose text, at integer"),
	newTable("mail_tally", "day text, purpose text, outcome text, n integer"),
	newTable("mail_key", "selector text, made integer, sealed text"),
	newTable("mailbox_answered", "digest bytes, at integer"),
	newTable("mailbox_tally", "day text, kind text, n integer"),
	newTable("mailbox_item", "record bytes, kind text, at integer, answered integer"),
	newTable("mailbox_seen", "mark bytes, at integer"),
	newTable("recipient_contact", "name text, key text, tell text"),
	newTable("egress_run", "id bytes, recipient text, at integer, n integer, kept_back integer, canaries integer, leaf integer, hash bytes"),
	newTable("egress_given", "recipient text, subject bytes, ref bytes, digest bytes, at integer"),
	newTable("egress_canary", "digest bytes, run bytes, recipient text, at integer, touched integer"),
	newTable("egress_notice", "id bytes, recipient text, ref bytes, what text, at integer, due integer, tries integer, told integer, done integer"),
	newTable("api_token", "id bytes, digest bytes, name text, scope text, created integer, expires integer, revoked integer, refused integer"),
	newTable("api_idempotency", "digest bytes, request bytes, answer bytes, link text, expires integer"),
}

func newTable(name, columns string) table {
	t := table{name: name}
	for _, c := range strings.Split(columns, ", ") {
		column, kind, _ := strings.Cut(c, " ")
		t.columns = append(t.columns, column)
		t.kinds = append(t.kinds, map[string]byte{"integer": intValue, "text": textValue, "bytes": bytesValue}[kind])
	}
	return t
}

// row makes places for the values of a row.
func (t *table) row() []any {
	row := make([]any, len(t.kinds))
	for i, kind := range t.kinds {
		switch kind {
		case intValue:
			row[i] = new(int64)
		case textValue:
			row[i] = new(string)
		default:
			row[i] = new([]byte)
		}
	}
	return row
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
