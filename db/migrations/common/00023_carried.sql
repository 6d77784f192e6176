-- +goose Up

-- Which values of the groups claim somebody's sign-ins showed last, so that nobody feeds a group by one of their own.
CREATE TABLE carried_values (
  principal_id TEXT PRIMARY KEY REFERENCES principals (id),
  marks        TEXT NOT NULL              -- a digest of each value, sorted, with spaces between
);
