-- name: Served
INSERT INTO notice_served (version, day, served)
VALUES ($1, $2, $3)
    ON CONFLICT (version, day) DO UPDATE SET served = notice_served.served + excluded.served;

-- name: Total
SELECT version, CAST(SUM(served) AS BIGINT)
  FROM notice_served
 GROUP BY version;
