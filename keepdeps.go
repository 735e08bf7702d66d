//go:build keepdeps

package avow

import (
	_ "filippo.io/age"
	_ "github.com/danielgtaylor/huma/v2/adapters/humago"
	_ "github.com/jackc/pgx/v5/stdlib"
)
