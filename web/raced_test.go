//go:build race

package web_test

// raced says that the race detector watches, under which SQLite, which is translated C, is many times slower.
const raced = true
