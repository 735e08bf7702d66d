-- All SQL of the list of places where others can be told to stop.

-- name: All
SELECT address, at, status, fault, dead FROM elsewhere_check

-- name: Note
INSERT INTO elsewhere_check (address, at, status, fault, dead) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (address) DO UPDATE SET at = excluded.at, status = excluded.status, fault = excluded.fault,
       dead = CASE WHEN excluded.dead > 0 AND elsewhere_check.dead > 0 THEN elsewhere_check.dead ELSE excluded.dead END

-- name: Drop
DELETE FROM elsewhere_check WHERE address = $1
