-- +goose Up
-- Which roles the owners of a resource may hand out there and below (K-33); without a row the nearest one above says.
CREATE TABLE handouts (
  resource_id TEXT PRIMARY KEY REFERENCES resources (id),
  role_ids    TEXT NOT NULL DEFAULT '[]',
  version     BIGINT NOT NULL DEFAULT 1
);

-- Accounts for emergencies: people who may sign in with a passkey alone, and every use that somebody owes a review of.
CREATE TABLE breakglass_accounts (
  principal_id TEXT PRIMARY KEY REFERENCES principals (id),
  marked_at    BIGINT NOT NULL,
  marked_by    TEXT NOT NULL,
  told_at      BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE breakglass_uses (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  used_at      BIGINT NOT NULL,
  browser      TEXT NOT NULL DEFAULT '',
  address      TEXT NOT NULL DEFAULT '',
  reviewed_at  BIGINT NOT NULL DEFAULT 0,
  reviewed_by  TEXT NOT NULL DEFAULT '',
  words        TEXT NOT NULL DEFAULT '',
  drill        INTEGER NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX breakglass_uses_by ON breakglass_uses (principal_id, used_at, id);
CREATE INDEX breakglass_uses_open ON breakglass_uses (used_at, id) WHERE reviewed_at = 0;

-- Emergency sign-ins that were answered: each counts once, on whichever node.
CREATE TABLE entrances (
  id         TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX entrances_expired ON entrances (expires_at);
