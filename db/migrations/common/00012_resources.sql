-- +goose Up
-- A level of the tree by name, and a search over all of it, are read page by page.
CREATE INDEX resources_level ON resources (parent_id, name, id) WHERE removed_at = 0;
CREATE INDEX resources_name ON resources (name, id) WHERE removed_at = 0;
CREATE INDEX resources_target ON resources (target_id) WHERE removed_at = 0 AND target_id <> '';
-- Who holds something at a node, and what roles mean there.
CREATE INDEX assignments_at ON assignments (resource_id, kind, starts_at, ends_at) WHERE ended_at = 0;
CREATE INDEX activations_at ON activations (resource_id, starts_at, ends_at) WHERE state IN ('provisioning', 'active');
CREATE INDEX role_meanings_at ON role_meanings (resource_id, role_id);
CREATE INDEX role_meanings_entitlement ON role_meanings (entitlement_id) WHERE entitlement_id <> '';
CREATE INDEX role_settings_at ON role_settings (resource_id) WHERE resource_id <> '';
