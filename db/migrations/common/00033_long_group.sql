-- +goose Up
-- A group that much rests on is removed in pieces, too. Its change has Stint itself for a resource; one of each group.
ALTER TABLE long_changes ADD COLUMN group_id TEXT NOT NULL DEFAULT '';
DROP INDEX long_changes_open;
CREATE UNIQUE INDEX long_changes_open ON long_changes (resource_id, group_id) WHERE finished_at = 0;
