-- +goose Up

-- The root certificate under which the make of a passkey was attested (SHA-256 of its DER, hex); empty: not attested.
ALTER TABLE credentials ADD COLUMN attested_by TEXT NOT NULL DEFAULT '';
