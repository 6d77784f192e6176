-- +goose Up
CREATE TRIGGER handouts_define AFTER INSERT OR DELETE OR UPDATE ON handouts
  FOR EACH STATEMENT EXECUTE FUNCTION definitions_changed();
