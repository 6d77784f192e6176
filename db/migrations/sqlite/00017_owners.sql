-- +goose Up
-- A primary key is changed by making the table anew, with its indexes (common/00012) and triggers (00006).
CREATE TABLE role_meanings_new (
  role_id        TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id    TEXT NOT NULL REFERENCES resources (id),
  name           TEXT NOT NULL,
  entitlement_id TEXT NOT NULL DEFAULT '',
  relation       TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (role_id, resource_id, name, relation)
);
INSERT INTO role_meanings_new (role_id, resource_id, name, entitlement_id, relation) SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings;
DROP TABLE role_meanings;
ALTER TABLE role_meanings_new RENAME TO role_meanings;
CREATE INDEX role_meanings_at ON role_meanings (resource_id, role_id);
CREATE INDEX role_meanings_entitlement ON role_meanings (entitlement_id) WHERE entitlement_id <> '';
-- +goose StatementBegin
CREATE TRIGGER role_meanings_define_insert AFTER INSERT ON role_meanings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_meanings_define_delete AFTER DELETE ON role_meanings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_meanings_define_update AFTER UPDATE ON role_meanings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
