-- +goose Up
-- Since when somebody is in a group by this source: what a review decided about is the membership that stood at its
-- start. Those from before say 0.
ALTER TABLE group_members ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
