-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION stint_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION stint_append_only();
CREATE TRIGGER audit_hashes_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_hashes FOR EACH STATEMENT EXECUTE FUNCTION stint_append_only();

-- +goose StatementBegin
CREATE FUNCTION stint_activation_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an activation that is over does not change its state';
END $$;
-- +goose StatementEnd
CREATE TRIGGER activations_terminal BEFORE UPDATE OF state ON activations FOR EACH ROW
  WHEN (OLD.state NOT IN ('pending_approval', 'provisioning', 'active') AND NEW.state <> OLD.state)
  EXECUTE FUNCTION stint_activation_over();

-- The last batch of each node, by which it finds out whether a commit happened whose answer was lost.
CREATE TABLE nodes (
  id      TEXT PRIMARY KEY,
  batch   TEXT NOT NULL,
  seen_at BIGINT NOT NULL
);

-- What another node left as notices is found by their time.
CREATE INDEX notices_created ON notices (created_at);
