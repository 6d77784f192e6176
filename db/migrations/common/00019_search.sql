-- +goose Up
-- What people and groups are found by: name, address, department or claim, folded by Stint as names are. Rows from before
-- are folded when the database is opened. The index lets a search look at nothing else.
ALTER TABLE principals ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
DROP INDEX principals_unfolded;
CREATE INDEX principals_unfolded ON principals (id) WHERE search_text = '';
CREATE INDEX principals_search ON principals (kind, name, id, search_text) WHERE removed_at = 0;
-- The first lines of a picker that nobody has searched in yet.
CREATE INDEX principals_pick ON principals (sort_name, id) WHERE removed_at = 0 AND enabled = 1;
-- The members of a group by name, a page at a time.
ALTER TABLE group_members ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
CREATE INDEX group_members_by_name ON group_members (group_id, sort_name, member_id);
