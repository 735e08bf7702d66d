-- name: Tally
INSERT INTO form_tally (form, outcome, n)
VALUES ($1, $2, $3)
    ON CONFLICT (form, outcome) DO UPDATE SET n = form_tally.n + excluded.n;

-- name: Receipts
SELECT COUNT(*)
  FROM ledger_link;

-- name: Tallies
SELECT form, outcome, n
  FROM form_tally;
