-- +goose Up
-- Being a member of a group and owning it are two things a role can mean of one name.
ALTER TABLE role_meanings ADD COLUMN relation TEXT NOT NULL DEFAULT '';
-- What an administrator stated to be gone because nobody can see it any more.
ALTER TABLE grants ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
