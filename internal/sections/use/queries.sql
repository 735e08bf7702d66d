-- name: Tally
INSERT INTO read_tally (purpose, outcome, n)
VALUES ($1, $2, $3)
    ON CONFLICT (purpose, outcome) DO UPDATE SET n = read_tally.n + excluded.n;

-- name: Tallies
SELECT purpose, outcome, n
  FROM read_tally;

-- name: Events
SELECT about, n, leaf, pos, version, sealed
  FROM ledger_event
 WHERE subject = $1
 ORDER BY log, leaf, pos;
