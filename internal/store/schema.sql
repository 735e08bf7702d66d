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

CREATE TABLE egress_canary (
	digest    BLOB NOT NULL PRIMARY KEY,
	run       BLOB NOT NULL REFERENCES egress_run (id),
	recipient TEXT NOT NULL,
	at        INTEGER NOT NULL,
	touched   INTEGER NOT NULL
) STRICT;

CREATE TABLE egress_given (
	recipient TEXT NOT NULL,
	subject   BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	ref       BLOB NOT NULL,
	digest    BLOB NOT NULL,
	at        INTEGER NOT NULL,
	PRIMARY KEY (recipient, subject, digest)
) STRICT;

CREATE INDEX egress_given_digest ON egress_given (digest);

CREATE INDEX egress_given_ref ON egress_given (ref);

CREATE INDEX egress_given_subject ON egress_given (subject);

CREATE TABLE egress_notice (
	id        BLOB NOT NULL PRIMARY KEY,
	recipient TEXT NOT NULL,
	ref       BLOB NOT NULL,
	what      TEXT NOT NULL,
	at        INTEGER NOT NULL,
	due       INTEGER NOT NULL,
	tries     INTEGER NOT NULL,
	told      INTEGER NOT NULL,
	done      INTEGER NOT NULL
) STRICT;

CREATE INDEX egress_notice_due ON egress_notice (due);

CREATE INDEX egress_notice_ref ON egress_notice (ref);

CREATE TABLE egress_run (
	id        BLOB NOT NULL PRIMARY KEY,
	recipient TEXT NOT NULL,
	at        INTEGER NOT NULL,
	n         INTEGER NOT NULL,
	kept_back INTEGER NOT NULL,
	canaries  INTEGER NOT NULL,
	leaf      INTEGER NOT NULL,
	hash      BLOB NOT NULL
) STRICT;

CREATE TABLE elsewhere_check (
	address TEXT NOT NULL PRIMARY KEY,
	at      INTEGER NOT NULL,
	status  INTEGER NOT NULL,
	fault   TEXT NOT NULL,
	dead    INTEGER NOT NULL
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

CREATE TABLE mail_key (
	selector TEXT NOT NULL PRIMARY KEY,
	made     INTEGER NOT NULL,
	sealed   TEXT NOT NULL
) STRICT;

CREATE TABLE mail_message (
	id      BLOB NOT NULL PRIMARY KEY,
	purpose TEXT NOT NULL,
	record  BLOB NOT NULL,
	created INTEGER NOT NULL
) STRICT;

CREATE TABLE mail_queue (
	id      BLOB NOT NULL PRIMARY KEY,
	message BLOB NOT NULL REFERENCES mail_message (id) ON DELETE CASCADE,
	subject BLOB NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	record  BLOB NOT NULL,
	digest  BLOB NOT NULL,
	due     INTEGER NOT NULL,
	tries   INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_queue_digest ON mail_queue (digest);

CREATE INDEX mail_queue_due ON mail_queue (due);

CREATE INDEX mail_queue_message ON mail_queue (message);

CREATE INDEX mail_queue_subject ON mail_queue (subject);

CREATE TABLE mail_sent (
	id      BLOB NOT NULL PRIMARY KEY,
	digest  BLOB NOT NULL,
	purpose TEXT NOT NULL,
	at      INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_sent_at ON mail_sent (at);

CREATE INDEX mail_sent_digest ON mail_sent (digest, purpose, at);

CREATE TABLE mail_tally (
	day     TEXT NOT NULL,
	purpose TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       INTEGER NOT NULL,
	PRIMARY KEY (day, purpose, outcome)
) STRICT;

CREATE TABLE mailbox_answered (
	digest BLOB NOT NULL PRIMARY KEY,
	at     INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox_item (
	record   BLOB NOT NULL PRIMARY KEY REFERENCES vault_record (id) ON DELETE CASCADE,
	kind     TEXT NOT NULL,
	at       INTEGER NOT NULL,
	answered INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox_seen (
	mark BLOB NOT NULL PRIMARY KEY,
	at   INTEGER NOT NULL
) STRICT;

CREATE INDEX mailbox_seen_at ON mailbox_seen (at);

CREATE TABLE mailbox_tally (
	day  TEXT NOT NULL,
	kind TEXT NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (day, kind)
) STRICT;

CREATE TABLE notice_served (
	version INTEGER NOT NULL,
	day     TEXT NOT NULL,
	served  INTEGER NOT NULL,
	PRIMARY KEY (version, day)
) STRICT;

CREATE TABLE optout_journal (
	id      BLOB NOT NULL PRIMARY KEY,
	applied INTEGER NOT NULL
) STRICT;

CREATE TABLE optout_signal (
	subject BLOB NOT NULL PRIMARY KEY REFERENCES vault_subject (id) ON DELETE CASCADE,
	at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE optout_soft (
	digest BLOB NOT NULL PRIMARY KEY,
	n      INTEGER NOT NULL,
	since  INTEGER NOT NULL
) STRICT;

CREATE TABLE optout_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (day, what)
) STRICT;

CREATE TABLE optout_word (
	digest  BLOB NOT NULL,
	scope   TEXT NOT NULL,
	stopped INTEGER NOT NULL,
	started INTEGER NOT NULL,
	reason  TEXT NOT NULL,
	PRIMARY KEY (digest, scope)
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

CREATE TABLE recipient_contact (
	name  TEXT NOT NULL PRIMARY KEY,
	key   TEXT NOT NULL,
	tell  TEXT NOT NULL
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

