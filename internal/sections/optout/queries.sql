-- name: Honour
INSERT INTO optout_signal (subject, at)
VALUES ($1, $2)
    ON CONFLICT (subject) DO NOTHING;

-- name: Opted
SELECT COUNT(*)
  FROM optout_signal
 WHERE subject = $1;

-- name: Seen
INSERT INTO signal_tally (day, what, n)
VALUES ($1, $2, $3)
    ON CONFLICT (day, what) DO UPDATE SET n = signal_tally.n + excluded.n;

-- name: Total
SELECT what, CAST(SUM(n) AS BIGINT)
  FROM signal_tally
 WHERE day >= $1
 GROUP BY what;

-- name: Forget
DELETE FROM signal_tally
 WHERE day < $1;

-- name: Asked
INSERT INTO optout_tally (day, what, n)
VALUES ($1, $2, 1)
    ON CONFLICT (day, what) DO UPDATE SET n = optout_tally.n + 1
RETURNING n;

-- name: ForgetTally
DELETE FROM optout_tally
 WHERE day < $1 OR day < $2 AND what LIKE '#%';
