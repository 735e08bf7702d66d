-- All SQL of what recipients are told.

-- name: Contact
SELECT key, tell FROM recipient_contact WHERE name = $1

-- name: SetContact
INSERT INTO recipient_contact (name, key, tell) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET key = excluded.key, tell = excluded.tell

-- name: GivenTo
SELECT recipient, ref, MAX(at) FROM egress_given WHERE subject = $1 GROUP BY recipient, ref ORDER BY recipient, ref

-- name: GivenAt
SELECT recipient, ref, MAX(at) FROM egress_given WHERE digest = $1 GROUP BY recipient, ref ORDER BY recipient, ref

-- name: Digests
SELECT DISTINCT digest FROM egress_given WHERE digest > $1 ORDER BY digest LIMIT $2

-- name: People
SELECT DISTINCT subject FROM egress_given WHERE subject > $1 ORDER BY subject LIMIT $2

-- name: Knows
SELECT COUNT(*) FROM egress_given WHERE subject = $1 AND digest = $2

-- name: Readdress
INSERT INTO egress_given (recipient, subject, ref, digest, at)
SELECT recipient, subject, ref, CAST($2 AS BYTEA), MAX(at) FROM egress_given WHERE subject = $1 GROUP BY recipient, subject, ref
    ON CONFLICT (recipient, subject, digest) DO NOTHING

-- name: Known
SELECT COUNT(*) FROM egress_notice WHERE recipient = $1 AND ref = $2 AND (what = $3 OR what = $4) AND at >= $5

-- name: AddNotice
INSERT INTO egress_notice (id, recipient, ref, what, at, due, tries, told, done) VALUES ($1, $2, $3, $4, $5, $5, 0, 0, 0)

-- name: Due
SELECT id, recipient, ref, what, at, tries FROM egress_notice WHERE due <= $1 ORDER BY due, id LIMIT $2

-- name: Told
UPDATE egress_notice SET told = CASE WHEN told = 0 THEN $2 ELSE told END, due = $3, tries = 0 WHERE id = $1 AND done = 0

-- name: Later
UPDATE egress_notice SET due = $2, tries = tries + 1 WHERE id = $1 AND done = 0

-- name: Done
UPDATE egress_notice SET told = CASE WHEN told = 0 THEN $2 ELSE told END, done = $2, due = $3 WHERE id = $1 AND done = 0

-- name: DoneUpTo
UPDATE egress_notice SET done = $3, due = $4 WHERE recipient = $1 AND told > 0 AND told <= $2 AND done = 0

-- name: Soon
UPDATE egress_notice SET due = $2, tries = 0 WHERE recipient = $1 AND done = 0

-- name: Open
SELECT recipient, told, at FROM egress_notice WHERE due < $1

-- name: Forget
DELETE FROM egress_notice
 WHERE done > 0 AND done < $1
   AND NOT EXISTS (SELECT 1 FROM egress_given WHERE egress_given.ref = egress_notice.ref)
