-- +goose Up
-- What somebody holds, read from the index alone; also who holds a role of Stint.
CREATE INDEX assignments_held ON assignments (principal_id, kind, resource_id, role_id, starts_at, ends_at, id) WHERE ended_at = 0;
-- When somebody last asked for a role.
CREATE INDEX activations_last ON activations (principal_id, role_id, resource_id, requested_at, id);
-- What waits for the approvers of a role on a resource.
CREATE INDEX activations_waiting ON activations (role_id, resource_id, requested_at, id) WHERE state = 'pending_approval';
-- What somebody has not read yet.
CREATE INDEX notices_unread ON notices (principal_id, text) WHERE read_at = 0;
