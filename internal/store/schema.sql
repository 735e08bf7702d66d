CREATE TABLE api_idempotency (
	digest  BLOB NOT NULL PRIMARY KEY,
	request BLOB NOT NULL,
	answer  BLOB NOT NULL,
	link    TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;

CREATE INDEX api_idempotency_expires ON api_idempotency (expires);

CREATE TABLE api_token (
	id      BLOB NOT NULL PRIMARY KEY,
	digest  BLOB NOT NULL UNIQUE,
	name    TEXT NOT NULL UNIQUE,
	scope   TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	revoked INTEGER NOT NULL,
	refused INTEGER NOT NULL
) STRICT;

CREATE TABLE choice_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (day, what)
) STRICT;

CREATE TABLE form_tally (
	form    TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (form, outcome)
) STRICT;

CREATE TABLE gate_violation (
	day   TEXT NOT NULL,
	kind  TEXT NOT NULL,
	what  TEXT NOT NULL,
	place TEXT NOT NULL,
	how   TEXT NOT NULL,
	n     INTEGER NOT NULL,
	last  INTEGER NOT NULL,
	PRIMARY KEY (day, kind, what, place, how)
) STRICT;

CREATE TABLE ledger_bulk (
	log         INTEGER NOT NULL,
	leaf        INTEGER NOT NULL,
	commitments BLOB NOT NULL,
	PRIMARY KEY (log, leaf)
) STRICT;

CREATE TABLE ledger_checkpoint (
	log    INTEGER NOT NULL,
	size   INTEGER NOT NULL,
	note   BLOB NOT NULL,
	signed INTEGER NOT NULL,
	PRIMARY KEY (log, size)
) STRICT;

CREATE TABLE ledger_chunk (
	log   INTEGER NOT NULL,
	first INTEGER NOT NULL,
	data  BLOB NOT NULL,
	PRIMARY KEY (log, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_event (
	subject BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	about   BLOB NOT NULL,
	n       INTEGER NOT NULL,
	log     INTEGER NOT NULL,
	leaf    INTEGER NOT NULL,
	pos     INTEGER NOT NULL,
	version INTEGER NOT NULL,
	sealed  BLOB NOT NULL,
	PRIMARY KEY (subject, about, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_head (
	log    INTEGER NOT NULL PRIMARY KEY,
	origin TEXT NOT NULL UNIQUE,
	size   INTEGER NOT NULL,
	root   BLOB NOT NULL,
	edge   BLOB NOT NULL,
	state  BLOB NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_tile (
	log    INTEGER NOT NULL,
	level  INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	hashes BLOB NOT NULL,
	PRIMARY KEY (log, level, n)
) STRICT;

CREATE TABLE link_crawl (
	at         INTEGER NOT NULL PRIMARY KEY,
	pages      INTEGER NOT NULL,
	links      INTEGER NOT NULL,
	unlabelled INTEGER NOT NULL,
	leaks      INTEGER NOT NULL
) STRICT;

CREATE TABLE link_host (
	host      TEXT NOT NULL PRIMARY KEY,
	class     TEXT NOT NULL,
	statement TEXT NOT NULL,
	met       INTEGER NOT NULL,
	listed    INTEGER NOT NULL,
	seen      INTEGER NOT NULL
) STRICT;

CREATE TABLE notice_served (
	version INTEGER NOT NULL,
	day     TEXT NOT NULL,
	served  INTEGER NOT NULL,
	PRIMARY KEY (version, day)
) STRICT;

CREATE TABLE optout_signal (
	subject BLOB NOT NULL PRIMARY KEY REFERENCES vault_subject (id) ON DELETE CASCADE,
	at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE page_view (
	day  TEXT NOT NULL,
	path TEXT NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (day, path)
) STRICT;

CREATE TABLE read_tally (
	purpose TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (purpose, outcome)
) STRICT;

CREATE TABLE signal_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (day, what)
) STRICT;

CREATE TABLE statement_version (
	n         INTEGER NOT NULL PRIMARY KEY,
	source    BLOB NOT NULL,
	rule_hash BLOB NOT NULL,
	text_hash BLOB NOT NULL,
	updated   TEXT NOT NULL,
	class     TEXT NOT NULL,
	published INTEGER NOT NULL,
	leaf      INTEGER NOT NULL
) STRICT;

CREATE TABLE store_migration (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);

CREATE TABLE store_writer (
	id BLOB NOT NULL PRIMARY KEY,
	n  INTEGER NOT NULL
) STRICT;

CREATE TABLE vault_epoch (
	n           INTEGER NOT NULL PRIMARY KEY,
	check_value BLOB NOT NULL,
	since       INTEGER NOT NULL
) STRICT;

CREATE TABLE vault_index (
	digest  BLOB NOT NULL PRIMARY KEY,
	subject BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX vault_index_subject ON vault_index (subject);

CREATE TABLE vault_record (
	id         BLOB NOT NULL PRIMARY KEY,
	subject    BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	collection TEXT NOT NULL,
	version    INTEGER NOT NULL,
	collected  INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;

CREATE INDEX vault_record_collection ON vault_record (collection, id);

CREATE INDEX vault_record_expires ON vault_record (expires);

CREATE INDEX vault_record_subject ON vault_record (subject);

CREATE TABLE vault_subject (
	id      BLOB NOT NULL PRIMARY KEY,
	epoch   INTEGER NOT NULL REFERENCES vault_epoch (n),
	wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

