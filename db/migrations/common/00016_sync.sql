-- +goose Up
-- A directory whose people Stint follows, and how far its run came.
CREATE TABLE syncs (
  target_id   TEXT PRIMARY KEY REFERENCES targets (id),
  settings    TEXT NOT NULL,
  salt        TEXT NOT NULL,               -- ids of new people are derived from it
  previewed   INTEGER NOT NULL DEFAULT 0,  -- the settings as they are were looked at in a preview
  due_at      BIGINT NOT NULL DEFAULT 0,   -- 0: on demand only, or not previewed
  asked       TEXT NOT NULL DEFAULT '',    -- run, preview or empty
  asked_by    TEXT NOT NULL DEFAULT '',
  allowed     BIGINT NOT NULL DEFAULT 0,   -- people who may go in the run that was asked for
  lease_until BIGINT NOT NULL DEFAULT 0,
  attempt     BIGINT NOT NULL DEFAULT 0,   -- fencing number
  run_id      TEXT NOT NULL DEFAULT '',
  phase       TEXT NOT NULL DEFAULT '',
  done        BIGINT NOT NULL DEFAULT 0,
  total       BIGINT NOT NULL DEFAULT 0,
  tries       BIGINT NOT NULL DEFAULT 0,   -- failed runs in a row
  version     BIGINT NOT NULL DEFAULT 1
);

-- Who an entry of a directory is here, by its immutable id there.
CREATE TABLE sync_people (
  target_id    TEXT NOT NULL REFERENCES targets (id),
  external_id  TEXT NOT NULL,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  off          INTEGER NOT NULL DEFAULT 0, -- the sync disabled them, so it may enable them again
  PRIMARY KEY (target_id, external_id)
);
CREATE UNIQUE INDEX sync_people_principal ON sync_people (principal_id, target_id);

CREATE TABLE sync_runs (
  id        TEXT PRIMARY KEY,
  target_id TEXT NOT NULL REFERENCES targets (id),
  preview   INTEGER NOT NULL,
  asked_by  TEXT NOT NULL,
  state     TEXT NOT NULL,
  begun_at  BIGINT NOT NULL,
  ended_at  BIGINT NOT NULL DEFAULT 0,
  counts    TEXT NOT NULL,
  message   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sync_runs_target ON sync_runs (target_id, begun_at);

-- What a run would change, or changed; the first of each kind.
CREATE TABLE sync_changes (
  run_id       TEXT NOT NULL REFERENCES sync_runs (id),
  number       BIGINT NOT NULL,
  kind         TEXT NOT NULL,
  principal_id TEXT NOT NULL,
  name         TEXT NOT NULL,
  place        TEXT NOT NULL,
  words        TEXT NOT NULL,
  PRIMARY KEY (run_id, number)
);
