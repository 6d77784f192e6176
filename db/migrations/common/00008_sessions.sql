-- +goose Up
-- What names a session on pages and opens nothing, where it came from, what the provider calls it, and what it is looked at again with.
ALTER TABLE sessions ADD COLUMN handle TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN refresh TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN recheck_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_handle ON sessions (handle);
CREATE INDEX sessions_sid ON sessions (sid);
