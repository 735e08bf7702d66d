-- All SQL of the API's own table.

-- name: Seen
SELECT request, answer, link, expires FROM api_idempotency WHERE digest = $1

-- name: Forget
DELETE FROM api_idempotency WHERE digest = $1

-- name: Keep
INSERT INTO api_idempotency (digest, request, answer, link, expires) VALUES ($1, $2, $3, $4, $5)

-- name: Expire
DELETE FROM api_idempotency WHERE expires <= $1
