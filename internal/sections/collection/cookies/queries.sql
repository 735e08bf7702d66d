-- name: Chose
INSERT INTO choice_tally (day, what, n)
VALUES ($1, $2, $3)
    ON CONFLICT (day, what) DO UPDATE SET n = choice_tally.n + excluded.n;

-- name: Choices
SELECT what, CAST(SUM(n) AS BIGINT)
  FROM choice_tally
 WHERE day >= $1
 GROUP BY what;

-- name: Violated
INSERT INTO gate_violation (day, kind, what, place, how, n, last)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (day, kind, what, place, how) DO UPDATE SET n = gate_violation.n + excluded.n, last = excluded.last;

-- name: Again
UPDATE gate_violation
   SET n = n + $6, last = $7
 WHERE day = $1 AND kind = $2 AND what = $3 AND place = $4 AND how = $5;

-- name: Cells
SELECT COUNT(*)
  FROM gate_violation
 WHERE day = $1;

-- name: Violations
SELECT kind, how, CAST(SUM(n) AS BIGINT)
  FROM gate_violation
 WHERE day >= $1
 GROUP BY kind, how;

-- name: Forget
DELETE FROM gate_violation
 WHERE day < $1;
