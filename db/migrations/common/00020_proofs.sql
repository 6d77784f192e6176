-- +goose Up

-- A sign-in again at the provider with an authentication context, which confirms one thing once.
CREATE TABLE sign_in_proofs (
  id           TEXT PRIMARY KEY,          -- of the ceremony it was made for
  principal_id TEXT NOT NULL REFERENCES principals (id),
  context      TEXT NOT NULL,             -- what the provider answered, one of those asked for
  signed_in_at BIGINT NOT NULL,           -- auth_time
  at           BIGINT NOT NULL,
  token        TEXT NOT NULL              -- SHA-256 of the ID token, base64
);

ALTER TABLE activations ADD COLUMN proof_id TEXT NOT NULL DEFAULT '';
ALTER TABLE activations ADD COLUMN context TEXT NOT NULL DEFAULT '';
ALTER TABLE extensions ADD COLUMN proof_id TEXT NOT NULL DEFAULT '';
ALTER TABLE extensions ADD COLUMN context TEXT NOT NULL DEFAULT '';
