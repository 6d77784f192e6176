-- +goose Up
-- Fewer indexes of what is reviewed: each costs a page in every write for almost every item that is frozen. What is open and
-- what is decided of a set are walked apart and merged, and so are the results of an instance.
CREATE INDEX review_items_decided ON review_items (set_id, sort_place, id) WHERE decision <> '';
DROP INDEX review_items_of_set;
DROP INDEX review_items_of;
DROP INDEX review_items_principal;
