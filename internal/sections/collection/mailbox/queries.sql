-- name: Seen
SELECT COUNT(*)
  FROM mailbox_seen
 WHERE mark = $1;

-- name: See
INSERT INTO mailbox_seen (mark, at)
VALUES ($1, $2)
    ON CONFLICT (mark) DO NOTHING;

-- name: Item
INSERT INTO mailbox_item (record, kind, at, answered)
VALUES ($1, $2, $3, 0);

-- name: Open
SELECT record, kind, at
  FROM mailbox_item
 WHERE answered = 0
 ORDER BY at, record
 LIMIT $1;

-- name: Waiting
SELECT COUNT(*), COALESCE(MIN(at), 0)
  FROM mailbox_item
 WHERE answered = 0;

-- name: Answered
UPDATE mailbox_item
   SET answered = $2
 WHERE record = $1 AND answered = 0;

-- name: Answer
INSERT INTO mailbox_answered (digest, at)
VALUES ($1, $2)
    ON CONFLICT (digest) DO UPDATE SET at = excluded.at
 WHERE mailbox_answered.at <= $3;

-- name: Tally
INSERT INTO mailbox_tally (day, kind, n)
VALUES ($1, $2, $3)
    ON CONFLICT (day, kind) DO UPDATE SET n = mailbox_tally.n + excluded.n;

-- name: Tallies
SELECT kind, CAST(SUM(n) AS BIGINT)
  FROM mailbox_tally
 WHERE day >= $1
 GROUP BY kind;

-- name: Held
SELECT COUNT(*), COALESCE(MIN(expires), 0)
  FROM vault_record
 WHERE collection = $1;

-- name: Forget
DELETE FROM mailbox_seen
 WHERE at < $1;

-- name: ForgetAnswered
DELETE FROM mailbox_answered
 WHERE at < $1;

-- name: ForgetTally
DELETE FROM mailbox_tally
 WHERE day < $1;
