-- All SQL of the register of links.

-- name: All
SELECT host, class, statement, met, listed, seen FROM link_host ORDER BY host

-- name: One
SELECT host, class, statement, met, listed, seen FROM link_host WHERE host = $1

-- name: State
SELECT COUNT(*), CAST(COALESCE(MAX(listed), 0) AS BIGINT) FROM link_host WHERE listed > 0

-- name: List
INSERT INTO link_host (host, class, statement, met, listed, seen)
VALUES ($1, $2, $3, $4, $4, 0)
    ON CONFLICT (host) DO UPDATE SET class = excluded.class, statement = excluded.statement, listed = excluded.listed

-- name: Remove
DELETE FROM link_host WHERE host = $1

-- name: Hosts
SELECT host, listed FROM link_host

-- name: Meet
INSERT INTO link_host (host, class, statement, met, listed, seen)
VALUES ($1, '', '', $2, 0, $2)
    ON CONFLICT (host) DO UPDATE SET seen = excluded.seen

-- name: Forget
DELETE FROM link_host WHERE listed = 0 AND seen < $1

-- name: Crawl
SELECT at, pages, links, unlabelled, leaks FROM link_crawl ORDER BY at DESC LIMIT 1

-- name: ForgetCrawls
DELETE FROM link_crawl

-- name: NoteCrawl
INSERT INTO link_crawl (at, pages, links, unlabelled, leaks) VALUES ($1, $2, $3, $4, $5)
