-- +goose Up
ALTER TABLE principals ADD COLUMN manager_id TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN guest INTEGER NOT NULL DEFAULT 0;
-- attributes that the provider's claims gave, their names with commas between
ALTER TABLE principals ADD COLUMN claimed TEXT NOT NULL DEFAULT '';
CREATE INDEX principals_manager ON principals (manager_id) WHERE manager_id <> '';
CREATE INDEX principals_disabled ON principals (kind, name, id) WHERE enabled = 0 AND removed_at = 0;
CREATE INDEX principals_guests ON principals (kind, name, id) WHERE guest = 1 AND removed_at = 0;
CREATE INDEX principals_unseen ON principals (kind, name, id) WHERE last_seen_at = 0 AND removed_at = 0;

-- Replacing lost passkeys takes two administrators: one asks, another one confirms (THREATS T3).
CREATE TABLE recoveries (
  id           TEXT PRIMARY KEY,
  person_id    TEXT NOT NULL REFERENCES principals (id),
  asked_by     TEXT NOT NULL REFERENCES principals (id),
  reason       TEXT NOT NULL,
  asked_at     BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  closed_at    BIGINT NOT NULL DEFAULT 0,
  confirmed_by TEXT NOT NULL DEFAULT '',
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX recoveries_open ON recoveries (person_id) WHERE closed_at = 0;
