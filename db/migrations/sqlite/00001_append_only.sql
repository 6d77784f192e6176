-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER audit_entries_keep_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_keep_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_hashes_keep_update BEFORE UPDATE ON audit_hashes BEGIN SELECT RAISE(ABORT, 'audit hashes are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_hashes_keep_delete BEFORE DELETE ON audit_hashes BEGIN SELECT RAISE(ABORT, 'audit hashes are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER activations_terminal BEFORE UPDATE OF state ON activations
WHEN OLD.state NOT IN ('pending_approval', 'provisioning', 'active') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'an activation that is over does not change its state'); END;
-- +goose StatementEnd
