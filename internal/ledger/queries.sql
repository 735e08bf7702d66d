-- All SQL of the ledger.

-- name: AddEvent
INSERT INTO ledger_event (subject, about, n, log, leaf, pos, version, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: DropEvents
DELETE FROM ledger_event WHERE subject = $1 RETURNING about, n, log, leaf, pos, version, sealed

-- name: AllEvents
SELECT subject, about, n, log, leaf, pos, version, sealed FROM ledger_event

-- name: LastEvent
SELECT n, version, sealed FROM ledger_event WHERE subject = $1 AND about = $2 ORDER BY n DESC LIMIT 1

-- name: EventByN
SELECT about, n, log, leaf, pos, version, sealed FROM ledger_event WHERE subject = $1 AND about = $2 AND n = $3

-- name: EventByLeaf
SELECT about, n, log, leaf, pos, version, sealed FROM ledger_event WHERE subject = $1 AND leaf = $2 ORDER BY log DESC, pos LIMIT 1

-- name: AddBulk
INSERT INTO ledger_bulk (log, leaf, commitments) VALUES ($1, $2, $3)

-- name: AllBulks
SELECT log, leaf, commitments FROM ledger_bulk ORDER BY log, leaf

-- name: Unshared
SELECT count(*) FROM ledger_event e WHERE pos >= 0
AND NOT EXISTS (SELECT 1 FROM ledger_bulk b WHERE b.log = e.log AND b.leaf = e.leaf)

-- name: Bulk
SELECT commitments FROM ledger_bulk WHERE log = $1 AND leaf = $2

-- name: EventsOf
SELECT about, n, log, leaf, pos, version, sealed FROM ledger_event WHERE subject = $1 ORDER BY log, leaf, pos
