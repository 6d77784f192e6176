-- +goose Up
-- The list of roles, by name.
CREATE INDEX role_definitions_name ON role_definitions (name, id) WHERE removed_at = 0;
-- How many may activate a role and how many hold it, counted from the index alone.
CREATE INDEX assignments_kind ON assignments (role_id, kind) WHERE ended_at = 0;
-- What waits, is planned or held of a role.
CREATE INDEX activations_of_role ON activations (role_id, state) WHERE state IN ('pending_approval', 'scheduled', 'provisioning', 'active');
