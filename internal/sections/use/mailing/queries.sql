-- All SQL of letters that go out.

-- name: Lock
SELECT id FROM vault_subject WHERE id = $1 FOR UPDATE

-- name: AddMessage
INSERT INTO mail_message (id, purpose, record, created) VALUES ($1, $2, $3, $4)

-- name: AddQueue
INSERT INTO mail_queue (id, message, subject, record, digest, due, tries) VALUES ($1, $2, $3, $4, $5, $6, 0)

-- name: Had
SELECT (SELECT COUNT(*) FROM mail_sent WHERE digest = $1 AND purpose = $2 AND at > $3) +
       (SELECT COUNT(*)
          FROM mail_queue q JOIN mail_message m ON m.id = q.message
         WHERE q.digest = $1 AND m.purpose = $2 AND q.id < $4)

-- name: Due
SELECT q.id, q.message, q.subject, q.record, q.digest, q.due, q.tries, m.purpose, m.record, m.created
  FROM mail_queue q JOIN mail_message m ON m.id = q.message
 WHERE q.due <= $1
 ORDER BY q.due, q.id LIMIT $2

-- name: Lease
UPDATE mail_queue SET due = $3 WHERE id = $1 AND due = $2

-- name: Later
UPDATE mail_queue SET due = $3, tries = $4 WHERE id = $1 AND due = $2

-- name: Leased
SELECT due FROM mail_queue WHERE id = $1

-- name: Done
DELETE FROM mail_queue WHERE id = $1 AND due = $2

-- name: Sent
INSERT INTO mail_sent (id, digest, purpose, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING

-- name: Returned
SELECT digest, purpose FROM mail_sent WHERE id = $1

-- name: ReturnedEarly
SELECT q.digest, m.purpose FROM mail_queue q JOIN mail_message m ON m.id = q.message WHERE q.id = $1

-- name: Over
SELECT COUNT(*)
  FROM (SELECT digest FROM mail_sent
         WHERE purpose = $1 AND at > $2
         GROUP BY digest HAVING COUNT(*) > CAST($3 AS BIGINT)) AS many

-- name: Waiting
SELECT COUNT(*) FROM mail_queue

-- name: Empty
SELECT m.id FROM mail_message m
 WHERE NOT EXISTS (SELECT 1 FROM mail_queue q WHERE q.message = m.id)
 LIMIT $1

-- name: DropMessage
DELETE FROM mail_message WHERE id = $1 RETURNING record

-- name: Forget
DELETE FROM mail_sent WHERE at <= $1

-- name: Tally
INSERT INTO mail_tally (day, purpose, outcome, n)
VALUES (substr(CAST($1 AS TEXT), 1, 10), substr(CAST($1 AS TEXT), 12), $2, $3)
    ON CONFLICT (day, purpose, outcome) DO UPDATE SET n = mail_tally.n + excluded.n

-- name: Tallies
SELECT purpose, outcome, CAST(SUM(n) AS BIGINT) FROM mail_tally WHERE day >= $1 GROUP BY purpose, outcome

-- name: Key
SELECT sealed FROM mail_key WHERE selector = $1

-- name: AddKey
INSERT INTO mail_key (selector, made, sealed) VALUES ($1, $2, $3) ON CONFLICT (selector) DO NOTHING
