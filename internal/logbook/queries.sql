-- All SQL of the log.

-- name: Newest
SELECT log, origin FROM ledger_head ORDER BY log DESC LIMIT 1

-- name: All
SELECT log, origin FROM ledger_head ORDER BY log

-- name: Head
SELECT origin, size, root, edge, state, at FROM ledger_head WHERE log = $1

-- name: LockHead
SELECT origin, size, root, edge, state, at FROM ledger_head WHERE log = $1 FOR UPDATE

-- name: Begin
INSERT INTO ledger_head (log, origin, size, root, edge, state, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING

-- name: Advance
UPDATE ledger_head SET size = $2, root = $3, edge = $4, state = $5, at = $6 WHERE log = $1 AND size = $7

-- name: Leave
UPDATE ledger_head SET edge = $2 WHERE log = $1

-- name: AddChunk
INSERT INTO ledger_chunk (log, first, data) VALUES ($1, $2, $3)

-- name: Chunks
SELECT first, data FROM ledger_chunk WHERE log = $1 AND first >= $2 AND first < $3 ORDER BY first

-- name: AddTile
INSERT INTO ledger_tile (log, level, n, hashes) VALUES ($1, $2, $3, $4)

-- name: Tile
SELECT hashes FROM ledger_tile WHERE log = $1 AND level = $2 AND n = $3

-- name: KeepCheckpoint
INSERT INTO ledger_checkpoint (log, size, note, signed) VALUES ($1, $2, $3, $4)
ON CONFLICT (log, size) DO UPDATE SET note = excluded.note, signed = excluded.signed

-- name: LastCheckpoint
SELECT note, signed FROM ledger_checkpoint WHERE log = $1 AND size <= $2 ORDER BY size DESC LIMIT 1
