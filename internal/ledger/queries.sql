-- All SQL of the ledger.

-- name: Head
SELECT size, root, edge FROM ledger_head WHERE origin = $1

-- name: Begin
INSERT INTO ledger_head (origin, size, root, edge) VALUES ($1, 0, $2, $3)

-- name: Advance
UPDATE ledger_head SET size = $2, root = $3, edge = $4 WHERE origin = $1 AND size = $5

-- name: Name
SELECT origin FROM ledger_head ORDER BY origin LIMIT 1

-- name: Others
SELECT count(*) FROM ledger_head WHERE origin <> $1

-- name: AddChunk
INSERT INTO ledger_chunk (first, data) VALUES ($1, $2)

-- name: Chunks
SELECT first, data FROM ledger_chunk WHERE first >= $1 AND first < $2 ORDER BY first

-- name: AddTile
INSERT INTO ledger_tile (level, n, hashes) VALUES ($1, $2, $3)

-- name: Tile
SELECT hashes FROM ledger_tile WHERE level = $1 AND n = $2

-- name: KeepCheckpoint
INSERT INTO ledger_checkpoint (size, note, signed) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING

-- name: AddEvent
INSERT INTO ledger_event (subject, about, n, leaf, version, commitment, sealed)
SELECT id, $2, $3, $4, $5, $6, $7 FROM vault_subject WHERE id = $1

-- name: LastEvent
SELECT n, commitment FROM ledger_event WHERE subject = $1 AND about = $2 ORDER BY n DESC LIMIT 1

-- name: EventByN
SELECT about, n, leaf, version, sealed FROM ledger_event WHERE subject = $1 AND about = $2 AND n = $3

-- name: EventByLeaf
SELECT about, n, leaf, version, sealed FROM ledger_event WHERE subject = $1 AND leaf = $2

-- name: AddLink
INSERT INTO ledger_link (digest, subject, about, n) VALUES ($1, $2, $3, $4)

-- name: Link
SELECT subject, about, n FROM ledger_link WHERE digest = $1
