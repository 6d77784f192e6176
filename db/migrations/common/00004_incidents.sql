-- +goose Up
ALTER TABLE targets ADD COLUMN authoritative INTEGER NOT NULL DEFAULT 0;

-- What is due at one target: each has its own queue.
CREATE INDEX grants_due_at ON grants (target_id, due_at) WHERE due_at > 0;

-- When a target is next asked who holds what Stint manages there, and how far that came.
CREATE TABLE scans (
  target_id   TEXT PRIMARY KEY REFERENCES targets (id),
  due_at      BIGINT NOT NULL DEFAULT 0,
  asked_at    BIGINT NOT NULL DEFAULT 0,
  asked_by    TEXT NOT NULL DEFAULT '',
  restored_at BIGINT NOT NULL DEFAULT 0,
  begun_at    BIGINT NOT NULL DEFAULT 0,
  ended_at    BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT NOT NULL DEFAULT 0,
  attempt     BIGINT NOT NULL DEFAULT 0,
  done        BIGINT NOT NULL DEFAULT 0,
  total       BIGINT NOT NULL DEFAULT 0,
  tries       BIGINT NOT NULL DEFAULT 0,
  error       TEXT NOT NULL DEFAULT ''
);

-- The entitlements whose standing access is known: what appears later is a stranger.
CREATE TABLE scanned (
  target_id      TEXT NOT NULL REFERENCES targets (id),
  entitlement_id TEXT NOT NULL,
  first_at       BIGINT NOT NULL,
  PRIMARY KEY (target_id, entitlement_id)
);

-- What is at a target otherwise than Stint gave it: standing, stranger or lost.
CREATE TABLE incidents (
  id             TEXT PRIMARY KEY,
  kind           TEXT NOT NULL,
  target_id      TEXT NOT NULL REFERENCES targets (id),
  account_id     TEXT NOT NULL,
  entitlement_id TEXT NOT NULL,
  account_name   TEXT NOT NULL DEFAULT '',
  entitlement    TEXT NOT NULL DEFAULT '',
  grant_id       TEXT NOT NULL DEFAULT '',
  first_seen_at  BIGINT NOT NULL,
  last_seen_at   BIGINT NOT NULL,
  ends_at        BIGINT NOT NULL DEFAULT 0,
  closed_at      BIGINT NOT NULL DEFAULT 0,
  how            TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX incidents_open ON incidents (kind, target_id, account_id, entitlement_id) WHERE closed_at = 0;
CREATE INDEX incidents_list ON incidents (target_id, closed_at, first_seen_at, id);
CREATE INDEX incidents_unseen ON incidents (target_id, entitlement_id, last_seen_at) WHERE closed_at = 0;
CREATE INDEX incidents_ends ON incidents (ends_at) WHERE closed_at = 0 AND ends_at > 0;

DELETE FROM meta WHERE name LIKE 'beside:%';
