-- +goose Up
-- Decisions about resources that too much follows from for one write: what is carried out of them in pieces, and how far.
CREATE TABLE long_changes (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL,
  resource_id TEXT NOT NULL REFERENCES resources (id),
  lose        TEXT NOT NULL DEFAULT '[]',
  gain        TEXT NOT NULL DEFAULT '[]',
  decided_by  TEXT NOT NULL,
  evidence    TEXT NOT NULL DEFAULT '',
  decided_at  BIGINT NOT NULL,
  phase       BIGINT NOT NULL DEFAULT 0,
  after_id    TEXT NOT NULL DEFAULT '',
  done        BIGINT NOT NULL DEFAULT 0,
  about       BIGINT NOT NULL DEFAULT 0,
  counts      TEXT NOT NULL DEFAULT '{}',
  finished_at BIGINT NOT NULL DEFAULT 0,
  version     BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX long_changes_open ON long_changes (resource_id) WHERE finished_at = 0;
CREATE INDEX long_changes_due ON long_changes (decided_at, id) WHERE finished_at = 0;
