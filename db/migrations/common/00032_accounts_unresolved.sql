-- +goose Up
-- Accounts whose id at their target is not known yet: the worker looks for them after every pass at a target.
CREATE INDEX accounts_unresolved ON accounts (target_id, id) WHERE external_id = '' AND removed_at = 0;
