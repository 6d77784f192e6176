-- +goose Up
DROP TRIGGER activations_terminal ON activations;
CREATE TRIGGER activations_terminal BEFORE UPDATE OF state ON activations FOR EACH ROW
  WHEN (OLD.state NOT IN ('pending_approval', 'scheduled', 'provisioning', 'active') AND NEW.state <> OLD.state)
  EXECUTE FUNCTION stint_activation_over();

-- +goose StatementBegin
CREATE FUNCTION stint_extension_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an extension that is decided does not change';
END $$;
-- +goose StatementEnd
CREATE TRIGGER extensions_terminal BEFORE UPDATE ON extensions FOR EACH ROW
  WHEN (OLD.state <> 'pending_approval')
  EXECUTE FUNCTION stint_extension_over();
