-- All SQL of the vault.

-- name: Epochs
SELECT n, check_value, since FROM vault_epoch ORDER BY n

-- name: AddEpoch
INSERT INTO vault_epoch (n, check_value, since) VALUES ($1, $2, $3) ON CONFLICT (n) DO NOTHING

-- name: Epoch
SELECT check_value FROM vault_epoch WHERE n = $1

-- name: DropEpoch
DELETE FROM vault_epoch WHERE n = $1

-- name: AddSubject
INSERT INTO vault_subject (id, epoch, wrapped) VALUES ($1, $2, $3)

-- name: Subject
SELECT epoch, wrapped FROM vault_subject WHERE id = $1

-- name: LockSubject
SELECT epoch FROM vault_subject WHERE id = $1 FOR UPDATE

-- name: DropSubject
DELETE FROM vault_subject WHERE id = $1 RETURNING epoch, wrapped

-- name: Lookup
SELECT s.id, s.epoch, s.wrapped FROM vault_index i JOIN vault_subject s ON s.id = i.subject WHERE i.digest = $1

-- name: AddIndex
INSERT INTO vault_index (digest, subject) VALUES ($1, $2)

-- name: DropIndex
DELETE FROM vault_index WHERE digest = $1 AND subject = $2

-- name: DropIndexes
DELETE FROM vault_index WHERE subject = $1 RETURNING digest

-- name: AddRecord
INSERT INTO vault_record (id, subject, collection, version, collected, expires, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: Record
SELECT r.subject, r.collection, r.version, r.collected, r.expires, r.sealed, s.epoch, s.wrapped
FROM vault_record r JOIN vault_subject s ON s.id = r.subject WHERE r.id = $1

-- name: Row
SELECT id, subject, collection, version, collected, expires, sealed FROM vault_record WHERE id = $1

-- name: UpdateRecord
UPDATE vault_record SET version = $2, sealed = $3 WHERE id = $1

-- name: List
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE collection = $1 AND id > $2
ORDER BY id LIMIT $3

-- name: OfSubject
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE subject = $1 ORDER BY id

-- name: Others
SELECT id, version, sealed FROM vault_record WHERE subject = $1 AND id <> $2

-- name: AnyOf
SELECT id FROM vault_record WHERE subject = $1 LIMIT 1

-- name: Expired
SELECT id, subject, collection, version, collected, expires FROM vault_record
WHERE expires <= $1 ORDER BY expires LIMIT $2

-- name: OwnerOf
SELECT subject FROM vault_record WHERE id = $1

-- name: DropRecord
DELETE FROM vault_record WHERE id = $1
RETURNING id, subject, collection, version, collected, expires, sealed

-- name: DropRecords
DELETE FROM vault_record WHERE subject = $1
RETURNING id, subject, collection, version, collected, expires, sealed

-- name: CountSubjects
SELECT count(*) FROM vault_subject

-- name: CountRecords
SELECT collection, version, count(*), min(collected) FROM vault_record
GROUP BY collection, version ORDER BY collection, version

-- name: ToWrap
SELECT id, epoch, wrapped FROM vault_subject
WHERE id > $1 AND epoch <> $2 ORDER BY id LIMIT $3 FOR UPDATE

-- name: Wrap
UPDATE vault_subject SET epoch = $2, wrapped = $3 WHERE id = $1

-- name: CountToWrap
SELECT count(*) FROM vault_subject WHERE epoch <> $1

-- name: ScanSubjects
SELECT id, epoch, wrapped FROM vault_subject

-- name: ScanIndexes
SELECT i.digest, i.subject, s.id FROM vault_index i LEFT JOIN vault_subject s ON s.id = i.subject

-- name: ScanRecords
SELECT r.id, r.subject, r.collection, r.version, r.collected, r.expires, r.sealed, COALESCE(s.epoch, 0), s.wrapped
FROM vault_record r LEFT JOIN vault_subject s ON s.id = r.subject

-- name: CountRows
SELECT (SELECT count(*) FROM vault_subject) + (SELECT count(*) FROM vault_index) + (SELECT count(*) FROM vault_record)
