-- +goose Up
-- What a name is sorted and searched by: folded by Stint, since the engines fold differently. Rows from before are
-- folded when the database is opened.
ALTER TABLE principals ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
CREATE INDEX principals_unfolded ON principals (id) WHERE sort_name = '';
CREATE TABLE principal_words (
  word         TEXT NOT NULL,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  PRIMARY KEY (word, principal_id)
);
CREATE INDEX principal_words_of ON principal_words (principal_id);

-- Why somebody was assigned, by whom, and what time has yet to do: begin (start_due), remind (remind_at).
ALTER TABLE assignments ADD COLUMN justification TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN ticket_number TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN ticket_system TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN start_due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD COLUMN remind_at BIGINT NOT NULL DEFAULT 0;
-- 14 days before the end (X-07)
UPDATE assignments SET remind_at = ends_at - 1209600000000 WHERE ended_at = 0 AND ends_at > 1209600000000;
DROP INDEX assignments_role;
DROP INDEX assignments_due;
CREATE INDEX assignments_of_role ON assignments (role_id, kind, sort_name, id) WHERE ended_at = 0;
CREATE INDEX assignments_of_place ON assignments (role_id, resource_id, kind, sort_name, id) WHERE ended_at = 0;
CREATE INDEX assignments_of_resource ON assignments (resource_id, kind, sort_name, id) WHERE ended_at = 0;
CREATE INDEX assignments_by_name ON assignments (kind, sort_name, id) WHERE ended_at = 0;
CREATE INDEX assignments_by_end ON assignments (ends_at, id) WHERE ended_at = 0 AND ends_at > 0;
CREATE INDEX assignments_by_start ON assignments (start_due, id) WHERE ended_at = 0 AND start_due > 0;
CREATE INDEX assignments_expired ON assignments (ended_at, id) WHERE expired = 1;
CREATE INDEX assignments_remind ON assignments (remind_at) WHERE ended_at = 0 AND remind_at > 0;

-- Asking to extend or renew an assignment.
CREATE TABLE assignment_requests (
  id            TEXT PRIMARY KEY,
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  role_id       TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id   TEXT NOT NULL REFERENCES resources (id),
  kind          TEXT NOT NULL,
  state         TEXT NOT NULL,
  justification TEXT NOT NULL,
  requested_at  BIGINT NOT NULL,
  times_out_at  BIGINT NOT NULL,
  decided_at    BIGINT NOT NULL DEFAULT 0,
  decided_by    TEXT NOT NULL DEFAULT '',
  decision      TEXT NOT NULL DEFAULT '',
  step_up_id    TEXT NOT NULL DEFAULT '',
  result_id     TEXT NOT NULL DEFAULT '',
  version       BIGINT NOT NULL DEFAULT 1
);
-- A-14, X-08: one open request for a principal, role and resource
CREATE UNIQUE INDEX assignment_requests_open ON assignment_requests (principal_id, role_id, resource_id) WHERE state = 'pending';
CREATE INDEX assignment_requests_queue ON assignment_requests (requested_at, id) WHERE state = 'pending';
CREATE INDEX assignment_requests_due ON assignment_requests (times_out_at) WHERE state = 'pending';
CREATE INDEX assignment_requests_of ON assignment_requests (assignment_id, requested_at, id);
CREATE INDEX assignment_requests_by ON assignment_requests (principal_id, requested_at, id);
