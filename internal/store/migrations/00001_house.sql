-- Written for PostgreSQL and translated by token for SQLite. Times are
-- microseconds since 1970, ids are 16 bytes. Whatever belongs to a person
-- refers to vault_subject and goes when that row goes: the database itself
-- sees to it that an erasure forgets nothing.

CREATE TABLE vault_epoch (
	n     BIGINT NOT NULL PRIMARY KEY,
	check_value BYTEA NOT NULL
);

CREATE TABLE vault_subject (
	id      BYTEA NOT NULL PRIMARY KEY,
	epoch   BIGINT NOT NULL REFERENCES vault_epoch (n),
	wrapped BYTEA NOT NULL,
	created BIGINT NOT NULL
);

CREATE TABLE vault_index (
	field   TEXT NOT NULL,
	digest  BYTEA NOT NULL,
	subject BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	PRIMARY KEY (field, digest)
);
CREATE INDEX vault_index_subject ON vault_index (subject);

CREATE TABLE vault_record (
	id         BYTEA NOT NULL PRIMARY KEY,
	subject    BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	collection TEXT NOT NULL,
	version    BIGINT NOT NULL,
	collected  BIGINT NOT NULL,
	expires    BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX vault_record_subject ON vault_record (subject);
CREATE INDEX vault_record_collected ON vault_record (collection, collected, id);
CREATE INDEX vault_record_expires ON vault_record (expires);

CREATE TABLE ledger_head (
	origin TEXT NOT NULL PRIMARY KEY,
	size   BIGINT NOT NULL,
	root   BYTEA NOT NULL,
	edge   BYTEA NOT NULL
);

CREATE TABLE ledger_chunk (
	first BIGINT NOT NULL PRIMARY KEY,
	data  BYTEA NOT NULL
);

CREATE TABLE ledger_tile (
	level  BIGINT NOT NULL,
	n      BIGINT NOT NULL,
	hashes BYTEA NOT NULL,
	PRIMARY KEY (level, n)
);

CREATE TABLE ledger_checkpoint (
	size   BIGINT NOT NULL PRIMARY KEY,
	note   BYTEA NOT NULL,
	signed BIGINT NOT NULL
);

CREATE TABLE ledger_event (
	subject    BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	about      BYTEA NOT NULL,
	n          BIGINT NOT NULL,
	leaf       BIGINT NOT NULL,
	version    BIGINT NOT NULL,
	commitment BYTEA NOT NULL,
	sealed     BYTEA NOT NULL,
	PRIMARY KEY (subject, about, n)
);

-- A link outlives its subject without saying whose it was, so that a page can
-- tell "gone" from "never was".
CREATE TABLE ledger_link (
	digest  BYTEA NOT NULL PRIMARY KEY,
	subject BYTEA REFERENCES vault_subject (id) ON DELETE SET NULL,
	about   BYTEA NOT NULL,
	n       BIGINT NOT NULL
);
CREATE INDEX ledger_link_subject ON ledger_link (subject);

CREATE TABLE statement_version (
	n         BIGINT NOT NULL PRIMARY KEY,
	source    BYTEA NOT NULL,
	rule_hash BYTEA NOT NULL,
	text_hash BYTEA NOT NULL,
	updated   TEXT NOT NULL,
	class     TEXT NOT NULL,
	published BIGINT NOT NULL,
	leaf      BIGINT NOT NULL
);

CREATE TABLE notice_served (
	version BIGINT NOT NULL,
	day     TEXT NOT NULL,
	served  BIGINT NOT NULL,
	PRIMARY KEY (version, day)
);

CREATE TABLE form_tally (
	form    TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       BIGINT NOT NULL,
	PRIMARY KEY (form, outcome)
);

CREATE TABLE read_tally (
	purpose TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       BIGINT NOT NULL,
	PRIMARY KEY (purpose, outcome)
);
