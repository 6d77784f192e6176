-- +goose Up
ALTER TABLE role_settings ADD COLUMN max_lead_s BIGINT;
ALTER TABLE role_settings ADD COLUMN max_total_s BIGINT;
ALTER TABLE role_settings ADD COLUMN extension_approval TEXT;

ALTER TABLE activations ADD COLUMN start_asked BIGINT NOT NULL DEFAULT 0;
-- T15: no extension goes beyond the start plus max_total
ALTER TABLE activations ADD COLUMN ends_by BIGINT NOT NULL DEFAULT 0 CHECK (ends_by = 0 OR ends_at <= ends_by);
ALTER TABLE activations ADD COLUMN start_due BIGINT NOT NULL DEFAULT 0
  CHECK (state <> 'scheduled' OR (start_due > 0 AND starts_at > 0 AND ends_at > starts_at));

-- What is open now carries start_asked 0, so it is one of a person, role and resource; planned windows stand
-- beside it, one for each start. They do not overlap: that is checked in the transaction.
DROP INDEX activations_open;
CREATE UNIQUE INDEX activations_open ON activations (person_id, role_id, resource_id, start_asked)
  WHERE state IN ('pending_approval', 'scheduled', 'provisioning', 'active');
DROP INDEX activations_open_by;
CREATE INDEX activations_open_by ON activations (principal_id) WHERE state IN ('pending_approval', 'scheduled', 'provisioning', 'active');
DROP INDEX activations_assignment;
CREATE INDEX activations_assignment ON activations (assignment_id) WHERE state IN ('pending_approval', 'scheduled', 'provisioning', 'active');
CREATE INDEX activations_scheduled ON activations (start_due) WHERE state = 'scheduled';

CREATE TABLE extensions (
  id            TEXT PRIMARY KEY,
  activation_id TEXT NOT NULL REFERENCES activations (id),
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  state         TEXT NOT NULL,
  duration_s    BIGINT NOT NULL CHECK (duration_s > 0),
  justification TEXT NOT NULL DEFAULT '',
  ticket_number TEXT NOT NULL DEFAULT '',
  ticket_system TEXT NOT NULL DEFAULT '',
  requested_at  BIGINT NOT NULL,
  times_out_at  BIGINT NOT NULL DEFAULT 0,
  starts_at     BIGINT NOT NULL,
  from_end      BIGINT NOT NULL,
  ends_at       BIGINT NOT NULL,
  max_total_s   BIGINT NOT NULL,
  settings      TEXT NOT NULL,
  verdicts      TEXT NOT NULL,
  step_up_id    TEXT NOT NULL DEFAULT '',
  decided_at    BIGINT NOT NULL DEFAULT 0,
  decided_by    TEXT NOT NULL DEFAULT '',
  decision_id   TEXT NOT NULL DEFAULT '',
  decision      TEXT NOT NULL DEFAULT '',
  version       BIGINT NOT NULL DEFAULT 1,
  CHECK (ends_at > from_end AND from_end > starts_at AND ends_at <= starts_at + max_total_s * 1000000)
);
-- One waiting extension per activation: the double click stops here.
CREATE UNIQUE INDEX extensions_waiting ON extensions (activation_id) WHERE state = 'pending_approval';
CREATE INDEX extensions_activation ON extensions (activation_id, requested_at);
CREATE INDEX extensions_due ON extensions (times_out_at) WHERE state = 'pending_approval';
CREATE INDEX extensions_queue ON extensions (requested_at, id) WHERE state = 'pending_approval';
CREATE INDEX extensions_decided ON extensions (decided_by, decided_at, id) WHERE decided_at > 0;
