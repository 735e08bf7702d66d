-- All SQL of the vault.

-- name: Epochs
SELECT n, check_value FROM vault_epoch ORDER BY n

-- name: AddEpoch
INSERT INTO vault_epoch (n, check_value) VALUES ($1, $2)

-- name: AddSubject
INSERT INTO vault_subject (id, epoch, wrapped) VALUES ($1, $2, $3)

-- name: Subject
SELECT epoch, wrapped FROM vault_subject WHERE id = $1

-- name: Lookup
SELECT subject FROM vault_index WHERE digest = $1

-- name: AddIndex
INSERT INTO vault_index (digest, subject) VALUES ($1, $2)

-- name: EraseSubject
DELETE FROM vault_subject WHERE id = $1

-- name: AddRecord
INSERT INTO vault_record (id, subject, collection, version, collected, expires, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: Record
SELECT r.subject, r.collection, r.version, r.collected, r.expires, r.sealed, s.epoch, s.wrapped
FROM vault_record r JOIN vault_subject s ON s.id = r.subject WHERE r.id = $1

-- name: List
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE collection = $1 AND id > $2
ORDER BY id LIMIT $3

-- name: OfSubject
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE subject = $1 ORDER BY id

-- name: Expired
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE expires <= $1 ORDER BY expires LIMIT $2

-- name: DeleteRecord
DELETE FROM vault_record WHERE id = $1 RETURNING subject

-- name: EraseIfEmpty
DELETE FROM vault_subject WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM vault_record WHERE subject = $1)

-- name: CountSubjects
SELECT count(*) FROM vault_subject

-- name: CountRecords
SELECT collection, version, count(*), min(collected) FROM vault_record
GROUP BY collection, version ORDER BY collection, version
