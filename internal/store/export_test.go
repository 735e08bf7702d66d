package store

// For the tests, which look from outside.
var (
	ErrOver, ErrEach = errOver, errEach
	Migrations       = migrationFiles
)

// VersionTable is where the version of the tables is kept.
const VersionTable = versionTable

// MaxGroup is how many requests share a transaction at most.
const MaxGroup = maxGroup
