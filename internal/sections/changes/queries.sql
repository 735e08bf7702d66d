-- name: Editions
SELECT n, source, rule_hash, text_hash, updated, class, published, leaf
  FROM statement_version
 ORDER BY n;

-- name: Insert
INSERT INTO statement_version (n, source, rule_hash, text_hash, updated, class, published, leaf)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: Count
SELECT COUNT(*)
  FROM statement_version;
