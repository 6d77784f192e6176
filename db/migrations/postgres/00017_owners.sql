-- +goose Up
ALTER TABLE role_meanings DROP CONSTRAINT role_meanings_pkey, ADD PRIMARY KEY (role_id, resource_id, name, relation);
