-- name: Words
SELECT scope, stopped, started, reason
  FROM optout_word
 WHERE digest = $1;

-- name: AddWord
INSERT INTO optout_word (digest, scope, stopped, started, reason)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (digest, scope) DO NOTHING;

-- name: Word
SELECT stopped, started, reason
  FROM optout_word
 WHERE digest = $1 AND scope = $2 FOR UPDATE

-- name: ChangeWord
UPDATE optout_word
   SET stopped = $3, started = $4, reason = $5
 WHERE digest = $1 AND scope = $2;

-- name: AllWords
SELECT digest, scope, stopped, started, reason
  FROM optout_word;

-- name: Latest
SELECT COALESCE(MAX(started), 0)
  FROM optout_word;

-- name: Applied
SELECT applied
  FROM optout_journal
 WHERE id = $1;

-- name: Apply
INSERT INTO optout_journal (id, applied)
VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET applied = excluded.applied;

-- name: Tally
INSERT INTO optout_tally (day, what, n)
VALUES ($1, $2, $3)
    ON CONFLICT (day, what) DO UPDATE SET n = optout_tally.n + excluded.n;

-- name: Tallied
SELECT what, CAST(SUM(n) AS BIGINT)
  FROM optout_tally
 WHERE day >= $1 AND what NOT LIKE '#%'
 GROUP BY what;

-- name: Soft
INSERT INTO optout_soft (digest, n, since)
VALUES ($1, 1, $2)
    ON CONFLICT (digest) DO UPDATE
   SET n = CASE WHEN optout_soft.since < $3 THEN 1 ELSE optout_soft.n + 1 END,
       since = CASE WHEN optout_soft.since < $3 THEN excluded.since ELSE optout_soft.since END
RETURNING n;

-- name: ForgetSoft
DELETE FROM optout_soft
 WHERE since < $1;

-- name: DropSoft
DELETE FROM optout_soft
 WHERE digest = $1;

-- name: SentTo
SELECT COUNT(*)
  FROM mail_sent s
 WHERE s.digest = $1
   AND s.purpose = $2
   AND EXISTS (SELECT 1
                 FROM optout_word w
                WHERE w.digest = s.digest
                  AND w.scope = '*'
                  AND w.stopped > 0
                  AND w.stopped < s.at
                  AND w.started <= w.stopped
                  AND NOT EXISTS (SELECT 1
                                    FROM optout_word p
                                   WHERE p.digest = s.digest
                                     AND p.scope = s.purpose
                                     AND p.started > w.stopped));

-- name: Sent
SELECT COUNT(*)
  FROM mail_sent s
 WHERE s.purpose = $1
   AND s.at > $2
   AND EXISTS (SELECT 1
                 FROM optout_word w
                WHERE w.digest = s.digest
                  AND w.stopped > 0
                  AND w.stopped < s.at
                  AND w.started <= w.stopped
                  AND (w.scope = s.purpose OR w.scope LIKE '!%' OR w.scope = CAST($3 AS TEXT))
                  AND NOT EXISTS (SELECT 1
                                    FROM optout_word p
                                   WHERE p.digest = s.digest
                                     AND p.scope = s.purpose
                                     AND p.started > w.stopped));
