-- +goose Up
-- Which definitions are in force: every change of one, by whatever path, gives the row a new random value, so
-- that what a node keeps in memory of the old ones is never believed again.
INSERT INTO meta (name, value) VALUES ('definitions', lower(hex(randomblob(16)))) ON CONFLICT (name) DO NOTHING;
-- +goose StatementBegin
CREATE TRIGGER role_definitions_define_insert AFTER INSERT ON role_definitions
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_definitions_define_delete AFTER DELETE ON role_definitions
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_definitions_define_update AFTER UPDATE ON role_definitions
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
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
-- +goose StatementBegin
CREATE TRIGGER role_settings_define_insert AFTER INSERT ON role_settings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_settings_define_delete AFTER DELETE ON role_settings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER role_settings_define_update AFTER UPDATE ON role_settings
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER resources_define_insert AFTER INSERT ON resources
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER resources_define_delete AFTER DELETE ON resources
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER resources_define_update AFTER UPDATE ON resources
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER targets_define_insert AFTER INSERT ON targets
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER targets_define_delete AFTER DELETE ON targets
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER targets_define_update AFTER UPDATE OF name, removed_at ON targets
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
