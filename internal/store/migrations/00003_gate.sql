-- What the gate in front of a site counts. None of it is about a person but
-- optout_signal, which goes with the person it belongs to.

-- what is yes, no, some or withdrawn.
CREATE TABLE choice_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (day, what)
);

-- place is the path of a page, without query.
CREATE TABLE gate_violation (
	day   TEXT NOT NULL,
	kind  TEXT NOT NULL,
	what  TEXT NOT NULL,
	place TEXT NOT NULL,
	how   TEXT NOT NULL,
	n     BIGINT NOT NULL,
	last  BIGINT NOT NULL,
	PRIMARY KEY (day, kind, what, place, how)
);

-- what is seen or honoured.
CREATE TABLE signal_tally (
	day  TEXT NOT NULL,
	what TEXT NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (day, what)
);

-- A known person whose browser sent the signal.
-- sqlite: WITHOUT ROWID
CREATE TABLE optout_signal (
	subject BYTEA NOT NULL PRIMARY KEY REFERENCES vault_subject (id) ON DELETE CASCADE,
	at      BIGINT NOT NULL
);

-- The outside hosts that the site links to. met is when one was first seen or
-- entered; listed is when staff last entered it, or 0 if it was only seen.
CREATE TABLE link_host (
	host      TEXT NOT NULL PRIMARY KEY,
	class     TEXT NOT NULL,
	statement TEXT NOT NULL,
	met       BIGINT NOT NULL,
	listed    BIGINT NOT NULL,
	seen      BIGINT NOT NULL
);

-- What the last look at all pages found. There is one row, or none.
CREATE TABLE link_crawl (
	at         BIGINT NOT NULL PRIMARY KEY,
	pages      BIGINT NOT NULL,
	links      BIGINT NOT NULL,
	unlabelled BIGINT NOT NULL,
	leaks      BIGINT NOT NULL
);

-- A day that is not over is written with a 0 before it; what is under the limit
-- on a day that is has moved on to a later one.
CREATE TABLE page_view (
	day  TEXT NOT NULL,
	path TEXT NOT NULL,
	n    BIGINT NOT NULL,
	PRIMARY KEY (day, path)
);
