-- name: Tally
INSERT INTO read_tally (purpose, outcome, n)
VALUES ($1, $2, $3)
    ON CONFLICT (purpose, outcome) DO UPDATE SET n = read_tally.n + excluded.n;

-- name: Tallies
SELECT purpose, outcome, n
  FROM read_tally;
