-- +goose Up
-- Which definitions are in force: every change of one, by whatever path, gives the row a new random value, so
-- that what a node keeps in memory of the old ones is never believed again.
INSERT INTO meta (name, value) VALUES ('definitions', CAST(gen_random_uuid() AS TEXT)) ON CONFLICT (name) DO NOTHING;
-- +goose StatementBegin
CREATE FUNCTION definitions_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE meta SET value = CAST(gen_random_uuid() AS TEXT) WHERE name = 'definitions'; RETURN NULL; END $$;
-- +goose StatementEnd
CREATE TRIGGER role_definitions_define AFTER INSERT OR DELETE OR UPDATE ON role_definitions
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
CREATE TRIGGER role_meanings_define AFTER INSERT OR DELETE OR UPDATE ON role_meanings
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
CREATE TRIGGER role_settings_define AFTER INSERT OR DELETE OR UPDATE ON role_settings
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
CREATE TRIGGER resources_define AFTER INSERT OR DELETE OR UPDATE ON resources
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
CREATE TRIGGER targets_define AFTER INSERT OR DELETE OR UPDATE OF name, removed_at ON targets
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
