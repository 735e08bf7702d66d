-- All SQL of what others are given.

-- name: Runs
SELECT recipient, at, n, canaries, leaf FROM egress_run ORDER BY at

-- name: AddRun
INSERT INTO egress_run (id, recipient, at, n, kept_back, canaries, leaf, hash) VALUES ($1, $2, $3, $4, $5, $6, -1, $7)
    ON CONFLICT (id) DO UPDATE SET n = egress_run.n + excluded.n, kept_back = egress_run.kept_back + excluded.kept_back

-- name: Placed
UPDATE egress_run SET leaf = $2 WHERE id = $1

-- name: Give
INSERT INTO egress_given (recipient, subject, ref, digest, at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (recipient, subject, digest) DO UPDATE SET at = excluded.at

-- name: AddCanary
INSERT INTO egress_canary (digest, run, recipient, at, touched) VALUES ($1, $2, $3, $4, 0)

-- name: Canary
SELECT recipient, at FROM egress_canary WHERE digest = $1

-- name: Touch
UPDATE egress_canary SET touched = $2 WHERE digest = $1 AND touched = 0

-- name: Touched
SELECT recipient, COUNT(*) FROM egress_canary WHERE touched > 0 GROUP BY recipient
