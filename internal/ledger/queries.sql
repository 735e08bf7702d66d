-- All SQL of the ledger.

-- name: Head
SELECT log, size, root, edge, state FROM ledger_head WHERE origin = $1

-- name: Begin
INSERT INTO ledger_head (log, origin, size, root, edge, state) VALUES ($1, $2, 0, $3, $4, $5)

-- name: Advance
UPDATE ledger_head SET size = $2, root = $3, edge = $4, state = $5 WHERE log = $1 AND size = $6

-- name: Name
SELECT origin FROM ledger_head ORDER BY log DESC LIMIT 1

-- name: Others
SELECT count(*) FROM ledger_head WHERE origin <> $1

-- name: AddChunk
INSERT INTO ledger_chunk (log, first, data) VALUES ($1, $2, $3)

-- name: Chunks
SELECT first, data FROM ledger_chunk WHERE log = $1 AND first >= $2 AND first < $3 ORDER BY first

-- name: AddTile
INSERT INTO ledger_tile (log, level, n, hashes) VALUES ($1, $2, $3, $4)

-- name: Tile
SELECT hashes FROM ledger_tile WHERE log = $1 AND level = $2 AND n = $3

-- name: KeepCheckpoint
INSERT INTO ledger_checkpoint (log, size, note, signed) VALUES ($1, $2, $3, $4) ON CONFLICT (log, size) DO NOTHING

-- name: AddEvent
INSERT INTO ledger_event (subject, about, n, log, leaf, pos, version, sealed)
SELECT id, CAST($2 AS BYTEA), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS BYTEA)
FROM vault_subject WHERE id = $1

-- name: LastEvent
SELECT n, version, sealed FROM ledger_event WHERE subject = $1 AND about = $2 ORDER BY n DESC LIMIT 1

-- name: EventByN
SELECT about, n, leaf, version, sealed FROM ledger_event WHERE subject = $1 AND about = $2 AND n = $3

-- name: EventByLeaf
SELECT about, n, leaf, version, sealed FROM ledger_event WHERE subject = $1 AND leaf = $2
