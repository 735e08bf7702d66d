-- All SQL of the counts. A day that is not settled is written with a 0 before
-- it, and so comes before every day that is, in any collation.

-- name: Add
INSERT INTO page_view (day, path, n)
VALUES ($1, $2, $3)
    ON CONFLICT (day, path) DO UPDATE SET n = page_view.n + excluded.n

-- name: Paths
SELECT path FROM page_view WHERE day = $1

-- name: Take
DELETE FROM page_view WHERE day < $1 RETURNING day, path, n

-- name: Days
SELECT day, CAST(SUM(n) AS BIGINT)
  FROM page_view
 WHERE day >= $1 AND n >= $2
 GROUP BY day

-- name: Pages
SELECT path, CAST(SUM(CASE WHEN day >= $1 THEN n ELSE 0 END) AS BIGINT), CAST(SUM(n) AS BIGINT) AS year
  FROM page_view
 WHERE day >= $2 AND n >= $3
 GROUP BY path
 ORDER BY year DESC, path
 LIMIT 1000

-- name: Expire
DELETE FROM page_view WHERE day >= '1' AND day < $1
