-- +goose Up
-- The rules of assignments, what is enforced below, and who set it when. What is NULL is inherited.
ALTER TABLE role_settings ADD COLUMN context TEXT;
ALTER TABLE role_settings ADD COLUMN permanent_eligible INTEGER;
ALTER TABLE role_settings ADD COLUMN eligible_max_s BIGINT;
ALTER TABLE role_settings ADD COLUMN permanent_active INTEGER;
ALTER TABLE role_settings ADD COLUMN active_max_s BIGINT;
ALTER TABLE role_settings ADD COLUMN assign_step_up INTEGER;
ALTER TABLE role_settings ADD COLUMN assign_justification INTEGER;
ALTER TABLE role_settings ADD COLUMN enforced TEXT NOT NULL DEFAULT '';
ALTER TABLE role_settings ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE role_settings ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;

-- Every version of every row, the removed ones too; it outlives its role.
CREATE TABLE settings_history (
  role_id     TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  version     BIGINT NOT NULL,
  changed_by  TEXT NOT NULL DEFAULT '',
  changed_at  BIGINT NOT NULL DEFAULT 0,
  source      TEXT NOT NULL,
  removed     INTEGER NOT NULL DEFAULT 0,
  fields      TEXT NOT NULL,
  PRIMARY KEY (role_id, resource_id, version)
);

-- Who loosened a role's settings and does not activate it there or below for a while (THREATS T21).
CREATE TABLE settings_locks (
  role_id      TEXT NOT NULL,
  resource_id  TEXT NOT NULL,
  principal_id TEXT NOT NULL,
  until_at     BIGINT NOT NULL,
  PRIMARY KEY (role_id, resource_id, principal_id)
);
