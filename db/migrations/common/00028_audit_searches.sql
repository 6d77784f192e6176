-- +goose Up
-- Searches of the audit log that a person keeps: the filters as the address holds them.
CREATE TABLE audit_searches (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  name         TEXT NOT NULL,
  filters      TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX audit_searches_name ON audit_searches (principal_id, name);

-- The latest export of the audit log of each person, and how far it is: one runs at a time, on whichever node.
CREATE TABLE audit_exports (
  principal_id TEXT PRIMARY KEY REFERENCES principals (id),
  id           TEXT NOT NULL,
  format       TEXT NOT NULL,
  filters      TEXT NOT NULL,
  state        TEXT NOT NULL,
  entries      BIGINT NOT NULL DEFAULT 0,
  back_seq     BIGINT NOT NULL DEFAULT 0,
  started_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL,
  ended_at     BIGINT NOT NULL DEFAULT 0
);
