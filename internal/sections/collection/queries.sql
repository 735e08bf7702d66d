-- name: Held
SELECT collection, COUNT(*), MIN(collected), MIN(expires)
  FROM vault_record
 GROUP BY collection;
