-- +goose Up
-- What a person activates together, such as "Monday on call".
CREATE TABLE sets (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  name         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX sets_name ON sets (principal_id, name);

CREATE TABLE set_items (
  set_id        TEXT NOT NULL REFERENCES sets (id),
  number        INTEGER NOT NULL,
  role_id       TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id   TEXT NOT NULL REFERENCES resources (id),
  duration_s    BIGINT NOT NULL,
  PRIMARY KEY (set_id, number)
);

-- What became of each thing that was confirmed together.
CREATE TABLE results (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  kind         TEXT NOT NULL,
  items        TEXT NOT NULL,
  created_at   BIGINT NOT NULL
);
CREATE INDEX results_old ON results (created_at);
