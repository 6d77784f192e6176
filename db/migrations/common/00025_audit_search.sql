-- +goose Up
CREATE INDEX audit_entries_target ON audit_entries (target_id, seq) WHERE target_id <> '';
CREATE INDEX audit_entries_resource ON audit_entries (resource_id, seq) WHERE resource_id <> '';
CREATE INDEX audit_entries_at ON audit_entries (at, seq);
