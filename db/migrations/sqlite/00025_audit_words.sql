-- +goose Up
CREATE TABLE audit_words (
  word TEXT NOT NULL,
  seq  INTEGER NOT NULL,
  PRIMARY KEY (word, seq)
) WITHOUT ROWID;
