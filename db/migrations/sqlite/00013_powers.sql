-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER handouts_define_insert AFTER INSERT ON handouts
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER handouts_define_delete AFTER DELETE ON handouts
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER handouts_define_update AFTER UPDATE ON handouts
BEGIN UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'definitions'; END;
-- +goose StatementEnd
