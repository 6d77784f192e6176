-- +goose Up
DROP TRIGGER activations_terminal;
-- +goose StatementBegin
CREATE TRIGGER activations_terminal BEFORE UPDATE OF state ON activations
WHEN OLD.state NOT IN ('pending_approval', 'scheduled', 'provisioning', 'active') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'an activation that is over does not change its state'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER extensions_terminal BEFORE UPDATE ON extensions
WHEN OLD.state <> 'pending_approval'
BEGIN SELECT RAISE(ABORT, 'an extension that is decided does not change'); END;
-- +goose StatementEnd
