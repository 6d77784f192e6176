-- +goose Up
-- The walks of a filtered list of people stand in an index each, and a search among them looks at nothing else.
DROP INDEX principals_disabled;
DROP INDEX principals_guests;
DROP INDEX principals_unseen;
CREATE INDEX principals_disabled ON principals (kind, name, id, search_text) WHERE enabled = 0 AND removed_at = 0;
CREATE INDEX principals_guests ON principals (kind, name, id, search_text) WHERE guest = 1 AND removed_at = 0;
CREATE INDEX principals_unseen ON principals (kind, name, id, search_text) WHERE last_seen_at = 0 AND removed_at = 0;
CREATE INDEX principals_enabled ON principals (kind, name, id, search_text) WHERE enabled = 1 AND removed_at = 0;
