-- +goose Up
CREATE TABLE audit_words (
  word TEXT NOT NULL,
  seq  BIGINT NOT NULL,
  PRIMARY KEY (word, seq)
);
