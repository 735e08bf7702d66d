-- name: Tally
INSERT INTO form_tally (form, outcome, n)
VALUES ($1, $2, $3)
    ON CONFLICT (form, outcome) DO UPDATE SET n = form_tally.n + excluded.n;

-- name: Tallies
SELECT form, outcome, n
  FROM form_tally;
