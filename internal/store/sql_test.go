package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/sqlite"
	"github.com/avow-privacy/avow/internal/store/storetest"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

// statements gives every statement of every queries.sql in the house, by a name.
func statements(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "queries.sql" {
			return err
		}
		text, err := os.ReadFile(name)
		for i, part := range strings.Split("\n"+string(text), "\n-- name: ") {
			if block, query, _ := strings.Cut(part, "\n"); i > 0 {
				found[name+" "+block] = strings.TrimSpace(query)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 30 {
		t.Fatalf("only %d statements found: this test looks in the wrong place", len(found))
	}
	return found
}

// Every statement of the house is one that both engines understand. Parameters
// without a type would be texts to PostgreSQL and anything to SQLite.
func TestEveryStatementOnEveryEngine(t *testing.T) {
	address, folder := storetest.Postgres(t), t.TempDir()
	for _, cfg := range []store.Config{{URL: address}, {Path: folder}} {
		db, err := store.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	pg, err := pgconn.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close(ctx)
	lite, err := sqlite3.Open(filepath.Join(folder, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	for name, query := range statements(t) {
		sd, err := pg.Prepare(ctx, "", query, nil)
		if err != nil {
			t.Errorf("%s: PostgreSQL: %v", name, err)
			continue
		}
		st, tail, err := lite.Prepare(sqlite.Query(query))
		if err != nil || strings.TrimSpace(tail) != "" {
			t.Errorf("%s: SQLite: %v %s", name, err, tail)
			continue
		}
		if st.BindCount() != len(sd.ParamOIDs) || st.ColumnCount() != len(sd.Fields) {
			t.Errorf("%s: PostgreSQL sees %d parameters and %d columns, SQLite %d and %d",
				name, len(sd.ParamOIDs), len(sd.Fields), st.BindCount(), st.ColumnCount())
		}
		for i, f := range sd.Fields {
			// A sum of BIGINT is a NUMERIC there, which is no integer here.
			if f.DataTypeOID == 1700 {
				t.Errorf("%s: column %d is a NUMERIC: cast it to BIGINT", name, i+1)
			}
		}
		st.Close()
	}
}

// denied is what not every PostgreSQL-wire engine has, or has otherwise.
var denied = map[string]string{
	`\b(SMALL|BIG)?SERIAL\b|\bSEQUENCE\b|\bNEXTVAL\b|\bIDENTITY\b`: "a sequence is one place that all nodes wait for: ids are random",
	`\bLISTEN\b|\bNOTIFY\b`:               "YugabyteDB and CockroachDB do not have it: ask again",
	`\bDEFERR(ABLE|ED)\b`:                 "CockroachDB does not have it",
	`\w\[\]|\bARRAY\b|\bANY\s*\(\s*\$`:    "SQLite has no arrays",
	`\bJSONB?\b|->>?`:                     "SQLite's is another: keep JSON as TEXT",
	`ADVISORY`:                            "only the store locks what is no row",
	`\bNOW\(\)|\bCURRENT_(TIME|DATE)`:     "the time is tx.Now",
	`\bTIMESTAMP|\bINTERVAL\b|\bUUID\b`:   "times are BIGINT microseconds, ids BYTEA",
	`\bTRIGGER\b|\bFUNCTION\b|\bVACUUM\b`: "what happens stands in Go",
	`\b(INSERT OR|REPLACE INTO|IFNULL|GROUP_CONCAT|STRFTIME|RANDOMBLOB|PRAGMA)\b`: "SQLite's alone",
	`\bILIKE\b|::|\bDISTINCT ON\b|\bSTRING_AGG\b`:                                 "PostgreSQL's alone",
}

func TestDeniedSQL(t *testing.T) {
	texts := statements(t)
	migrations, err := fs.Glob(store.Migrations, "migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatal("no migrations", err)
	}
	for _, name := range migrations {
		text, err := store.Migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for name, text := range texts {
		for _, said := range deny(text) {
			t.Errorf("%s: %s", name, said)
		}
	}
	for _, bad := range []string{
		"CREATE TABLE t (n BIGSERIAL)", "LISTEN x", "a BIGINT REFERENCES b DEFERRABLE", "SELECT $1::BIGINT", "n BIGINT[]", "id = ANY($1)",
		"j JSONB", "SELECT pg_advisory_lock(1)", "VALUES (now())", "INSERT OR IGNORE INTO t VALUES (1)",
	} {
		if deny(bad) == nil {
			t.Errorf("not denied: %s", bad)
		}
	}
}

var comment = regexp.MustCompile(`--[^\n]*|'[^']*'`)

func deny(text string) (said []string) {
	text = strings.ToUpper(comment.ReplaceAllString(text, ""))
	for pattern, why := range denied {
		if found := regexp.MustCompile(pattern).FindString(text); found != "" {
			said = append(said, found+": "+why)
		}
	}
	return said
}
