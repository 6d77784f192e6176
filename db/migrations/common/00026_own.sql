-- +goose Up

-- Values that somebody's sign-ins showed before the last one, each with when they did not any more, in microseconds:
-- "digest:instant", with spaces between. They are held for a while, so that nobody leaves a group at the provider, feeds
-- one here by it and joins it again.
ALTER TABLE carried_values ADD COLUMN earlier TEXT NOT NULL DEFAULT '';

-- Whose account it turned out to be already, when it was looked up at its target; it is not taken over.
ALTER TABLE accounts ADD COLUMN taken_by TEXT NOT NULL DEFAULT '';

-- Whose accounts somebody named in the browser.
CREATE INDEX accounts_named ON accounts (confirmed_by) WHERE source = 'browser' AND removed_at = 0;
