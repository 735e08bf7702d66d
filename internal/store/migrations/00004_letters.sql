-- Letters: who stopped them, what waits to be sent, what came in, what others
-- were given.

-- The last words said about letters to an address: of one purpose, or of all
-- (scope *). digest is a keyed hash of the address and refers to nobody, so that
-- it outlives an erasure. A letter may go if the last word started it.
-- sqlite: WITHOUT ROWID
CREATE TABLE optout_word (
	digest  BYTEA NOT NULL,
	scope   TEXT NOT NULL,
	stopped BIGINT NOT NULL,
	started BIGINT NOT NULL,
	reason  TEXT NOT NULL,
	PRIMARY KEY (digest, scope)
);

-- How much of the journal of stops, which lies beside the keys, is in the table.
CREATE TABLE optout_journal (
	id      BYTEA NOT NULL PRIMARY KEY,
	applied BIGINT NOT NULL
);

CREATE TABLE optout_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (day, what)
);

-- Addresses that did not take letters lately, for a while.
CREATE TABLE optout_soft (
	digest BYTEA NOT NULL PRIMARY KEY,
	n      BIGINT NOT NULL,
	since  BIGINT NOT NULL
);

-- Whether the places answer where others can be told to stop. dead is since when
-- one does not.
CREATE TABLE elsewhere_check (
	address TEXT NOT NULL PRIMARY KEY,
	at      BIGINT NOT NULL,
	status  BIGINT NOT NULL,
	fault   TEXT NOT NULL,
	dead    BIGINT NOT NULL
);

-- A letter, once, however many get it. record holds its text, sealed.
CREATE TABLE mail_message (
	id      BYTEA NOT NULL PRIMARY KEY,
	purpose TEXT NOT NULL,
	record  BYTEA NOT NULL,
	created BIGINT NOT NULL
);

-- Who still has to get it. record holds the address, sealed.
CREATE TABLE mail_queue (
	id      BYTEA NOT NULL PRIMARY KEY,
	message BYTEA NOT NULL REFERENCES mail_message (id) ON DELETE CASCADE,
	subject BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	record  BYTEA NOT NULL,
	digest  BYTEA NOT NULL,
	due     BIGINT NOT NULL,
	tries   BIGINT NOT NULL
);

CREATE INDEX mail_queue_due ON mail_queue (due);

CREATE INDEX mail_queue_message ON mail_queue (message);

CREATE INDEX mail_queue_subject ON mail_queue (subject);

CREATE INDEX mail_queue_digest ON mail_queue (digest);

-- What was sent to whom lately: for bounces, and for what may be sent only so often.
CREATE TABLE mail_sent (
	id      BYTEA NOT NULL PRIMARY KEY,
	digest  BYTEA NOT NULL,
	purpose TEXT NOT NULL,
	at      BIGINT NOT NULL
);

CREATE INDEX mail_sent_digest ON mail_sent (digest, purpose, at);

CREATE INDEX mail_sent_at ON mail_sent (at);

CREATE TABLE mail_tally (
	day     TEXT NOT NULL,
	purpose TEXT NOT NULL,
	outcome TEXT NOT NULL,
	n       BIGINT NOT NULL,
	PRIMARY KEY (day, purpose, outcome)
);

CREATE TABLE mail_key (
	selector TEXT NOT NULL PRIMARY KEY,
	made     BIGINT NOT NULL,
	sealed   TEXT NOT NULL
);

-- Who was answered automatically lately.
CREATE TABLE mailbox_answered (
	digest BYTEA NOT NULL PRIMARY KEY,
	at     BIGINT NOT NULL
);

CREATE TABLE mailbox_tally (
	day  TEXT NOT NULL,
	kind TEXT NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (day, kind)
);

-- Mail that somebody has to look at. record holds it, sealed.
CREATE TABLE mailbox_item (
	record   BYTEA NOT NULL PRIMARY KEY REFERENCES vault_record (id) ON DELETE CASCADE,
	kind     TEXT NOT NULL,
	at       BIGINT NOT NULL,
	answered BIGINT NOT NULL
);

-- Which mails were taken lately, by a keyed hash, so that one that comes twice acts
-- once.
CREATE TABLE mailbox_seen (
	mark BYTEA NOT NULL PRIMARY KEY,
	at   BIGINT NOT NULL
);

CREATE INDEX mailbox_seen_at ON mailbox_seen (at);

-- How a recipient is reached: the age key that lists are closed to, and where
-- they are told that somebody opted out or was erased.
CREATE TABLE recipient_contact (
	name  TEXT NOT NULL PRIMARY KEY,
	key   TEXT NOT NULL,
	tell  TEXT NOT NULL
);

CREATE TABLE egress_run (
	id        BYTEA NOT NULL PRIMARY KEY,
	recipient TEXT NOT NULL,
	at        BIGINT NOT NULL,
	n         BIGINT NOT NULL,
	kept_back BIGINT NOT NULL,
	canaries  BIGINT NOT NULL,
	leaf      BIGINT NOT NULL,
	hash      BYTEA NOT NULL
);

-- Whom a recipient was given, under which reference, with which address.
CREATE TABLE egress_given (
	recipient TEXT NOT NULL,
	subject   BYTEA NOT NULL REFERENCES vault_subject (id) ON DELETE CASCADE,
	ref       BYTEA NOT NULL,
	digest    BYTEA NOT NULL,
	at        BIGINT NOT NULL,
	PRIMARY KEY (recipient, subject, digest)
);

CREATE INDEX egress_given_digest ON egress_given (digest);

CREATE INDEX egress_given_subject ON egress_given (subject);

CREATE INDEX egress_given_ref ON egress_given (ref);

-- An invented person in a list that went out.
CREATE TABLE egress_canary (
	digest    BYTEA NOT NULL PRIMARY KEY,
	run       BYTEA NOT NULL REFERENCES egress_run (id),
	recipient TEXT NOT NULL,
	at        BIGINT NOT NULL,
	touched   BIGINT NOT NULL
);

-- What a recipient has to be told of a reference, until it says that it was done.
-- What was done is due at the end of time.
CREATE TABLE egress_notice (
	id        BYTEA NOT NULL PRIMARY KEY,
	recipient TEXT NOT NULL,
	ref       BYTEA NOT NULL,
	what      TEXT NOT NULL,
	at        BIGINT NOT NULL,
	due       BIGINT NOT NULL,
	tries     BIGINT NOT NULL,
	told      BIGINT NOT NULL,
	done      BIGINT NOT NULL
);

CREATE INDEX egress_notice_due ON egress_notice (due);

CREATE INDEX egress_notice_ref ON egress_notice (ref);
