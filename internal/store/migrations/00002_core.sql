-- Written for PostgreSQL and translated by token for SQLite. Times are
-- microseconds since 1970, ids are 16 bytes that begin with the moment they
-- were made. Whatever belongs to a person refers to vault_subject and goes when
-- that row goes: the database itself sees to it that an erasure forgets
-- nothing.
--
-- A table of small rows that is only ever found by its key is headed by
-- "-- sqlite: WITHOUT ROWID": SQLite then keeps its rows in the key's own tree.

CREATE TABLE vault_epoch (
	n           BIGINT NOT NULL PRIMARY KEY,
	check_value BYTEA NOT NULL,
	since       BIGINT NOT NULL
);

-- An epoch that a key is wrapped under cannot go.
-- sqlite: WITHOUT ROWID
CREATE TABLE vault_subject (
	id      BYTEA NOT NULL PRIMARY KEY,
	epoch   BIGINT NOT NULL REFERENCES vault_epoch (n),
	wrapped BYTEA NOT NULL
);

-- A digest is keyed by field, so that which field it is of is not said.
-- sqlite: WITHOUT ROWID
CREATE TABLE vault_index (
	digest  BYTEA NOT NULL PRIMARY KEY,
	subject BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE
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
CREATE INDEX vault_record_collection ON vault_record (collection, id);
CREATE INDEX vault_record_expires ON vault_record (expires);

-- An avow has one log after the other, numbered from 1: only the last goes on.
-- state sums up all live rows of persons (see store.State); at is the moment of
-- the last change, before which no later one may seem to be.
CREATE TABLE ledger_head (
	log    BIGINT NOT NULL PRIMARY KEY,
	origin TEXT NOT NULL UNIQUE,
	size   BIGINT NOT NULL,
	root   BYTEA NOT NULL,
	edge   BYTEA NOT NULL,
	state  BYTEA NOT NULL,
	at     BIGINT NOT NULL
);

-- sqlite: WITHOUT ROWID
CREATE TABLE ledger_chunk (
	log   BIGINT NOT NULL,
	first BIGINT NOT NULL,
	data  BYTEA NOT NULL,
	PRIMARY KEY (log, first)
);

CREATE TABLE ledger_tile (
	log    BIGINT NOT NULL,
	level  BIGINT NOT NULL,
	n      BIGINT NOT NULL,
	hashes BYTEA NOT NULL,
	PRIMARY KEY (log, level, n)
);

CREATE TABLE ledger_checkpoint (
	log    BIGINT NOT NULL,
	size   BIGINT NOT NULL,
	note   BYTEA NOT NULL,
	signed BIGINT NOT NULL,
	PRIMARY KEY (log, size)
);

-- pos is the event's place in the bulk that its entry stands for, or -1 if the
-- entry is the event's own.
-- sqlite: WITHOUT ROWID
CREATE TABLE ledger_event (
	subject BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	about   BYTEA NOT NULL,
	n       BIGINT NOT NULL,
	log     BIGINT NOT NULL,
	leaf    BIGINT NOT NULL,
	pos     BIGINT NOT NULL,
	version BIGINT NOT NULL,
	sealed  BYTEA NOT NULL,
	PRIMARY KEY (subject, about, n)
);

-- The commitments of a bulk, 32 bytes each, by which each of its events is
-- proven. They tell nothing about anybody.
CREATE TABLE ledger_bulk (
	log         BIGINT NOT NULL,
	leaf        BIGINT NOT NULL,
	commitments BYTEA NOT NULL,
	PRIMARY KEY (log, leaf)
);

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

-- A program that may ask, known by the hash of its token. scope is JSON.
CREATE TABLE api_token (
	id      BYTEA NOT NULL PRIMARY KEY,
	digest  BYTEA NOT NULL UNIQUE,
	name    TEXT NOT NULL UNIQUE,
	scope   TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	revoked BIGINT NOT NULL,
	refused BIGINT NOT NULL
);

-- What a request that must not be done twice was answered, without receipt and
-- values. It refers to nobody: see api.Once.
CREATE TABLE api_idempotency (
	digest  BYTEA NOT NULL PRIMARY KEY,
	request BYTEA NOT NULL,
	answer  BYTEA NOT NULL,
	link    TEXT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX api_idempotency_expires ON api_idempotency (expires);

-- How many transactions a process that is connected over a network has
-- committed: should its connection break, the row tells whether the last was.
CREATE TABLE store_writer (
	id BYTEA NOT NULL PRIMARY KEY,
	n  BIGINT NOT NULL
);
