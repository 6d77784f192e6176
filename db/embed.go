// Package db holds the schema: forward-only migrations, one portable text in common/ and what only one
// engine understands beside it. Times are BIGINT microseconds since 1970 UTC (0: none), ids are TEXT
// made in Go, JSON is opaque TEXT, and whatever is searched is a column.
package db

import "embed"

// Migrations are the .sql files by folder: common, sqlite, postgres.
//
//go:embed migrations
var Migrations embed.FS
