-- All SQL of the tokens.

-- name: Make
INSERT INTO api_token (id, digest, name, scope, created, expires, revoked, refused) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)

-- name: Named
SELECT id FROM api_token WHERE name = $1

-- name: ByDigest
SELECT id, name, scope, created, expires, revoked, refused FROM api_token WHERE digest = $1

-- name: All
SELECT id, digest, name, scope, created, expires, revoked, refused FROM api_token ORDER BY created, name

-- name: Revoke
UPDATE api_token SET revoked = $2 WHERE id = $1 AND revoked = 0

-- name: Refused
UPDATE api_token SET refused = refused + 1 WHERE id = $1
