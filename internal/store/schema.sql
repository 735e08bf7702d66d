CREATE TABLE form_tally (
	form    TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (form, outcome)
) STRICT;

CREATE TABLE ledger_checkpoint (
	size   INTEGER NOT NULL PRIMARY KEY,
	note   BLOB NOT NULL,
	signed INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_chunk (
	first INTEGER NOT NULL PRIMARY KEY,
	data  BLOB NOT NULL
) STRICT;

CREATE TABLE ledger_event (
	subject    BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	about      BLOB NOT NULL,
	n          INTEGER NOT NULL,
	leaf       INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	commitment BLOB NOT NULL,
	sealed     BLOB NOT NULL,
	PRIMARY KEY (subject, about, n)
) STRICT;

CREATE TABLE ledger_head (
	origin TEXT NOT NULL PRIMARY KEY,
	size   INTEGER NOT NULL,
	root   BLOB NOT NULL,
	edge   BLOB NOT NULL
) STRICT;

CREATE TABLE ledger_link (
	digest  BLOB NOT NULL PRIMARY KEY,
	subject BLOB REFERENCES vault_subject (id) ON DELETE SET NULL,
	about   BLOB NOT NULL,
	n       INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_link_subject ON ledger_link (subject);

CREATE TABLE ledger_tile (
	level  INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	hashes BLOB NOT NULL,
	PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE notice_served (
	version INTEGER NOT NULL,
	day     TEXT NOT NULL,
	served  INTEGER NOT NULL,
	PRIMARY KEY (version, day)
) STRICT;

CREATE TABLE read_tally (
	purpose TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (purpose, outcome)
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

CREATE TABLE vault_epoch (
	n     INTEGER NOT NULL PRIMARY KEY,
	check_value BLOB NOT NULL
) STRICT;

CREATE TABLE vault_index (
	field   TEXT NOT NULL,
	digest  BLOB NOT NULL,
	subject BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	PRIMARY KEY (field, digest)
) STRICT;

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

CREATE INDEX vault_record_collected ON vault_record (collection, collected, id);

CREATE INDEX vault_record_expires ON vault_record (expires);

CREATE INDEX vault_record_subject ON vault_record (subject);

CREATE TABLE vault_subject (
	id      BLOB NOT NULL PRIMARY KEY,
	epoch   INTEGER NOT NULL REFERENCES vault_epoch (n),
	wrapped BLOB NOT NULL,
	created INTEGER NOT NULL
) STRICT;

