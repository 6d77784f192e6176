-- +goose Up
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE principals (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  file_key     TEXT NOT NULL DEFAULT '',
  name         TEXT NOT NULL,
  email        TEXT NOT NULL DEFAULT '',
  department   TEXT NOT NULL DEFAULT '',
  title        TEXT NOT NULL DEFAULT '',
  issuer       TEXT NOT NULL DEFAULT '',
  subject      TEXT NOT NULL DEFAULT '',
  match_claim  TEXT NOT NULL DEFAULT '',
  match_value  TEXT NOT NULL DEFAULT '',
  person_id    TEXT NOT NULL DEFAULT '',
  enabled      INTEGER NOT NULL DEFAULT 1,
  source       TEXT NOT NULL,
  zone         TEXT NOT NULL DEFAULT '',
  theme        TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL DEFAULT 0,
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX principals_subject ON principals (issuer, subject) WHERE subject <> '';
CREATE UNIQUE INDEX principals_file_key ON principals (kind, file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE INDEX principals_match ON principals (match_claim, match_value) WHERE match_claim <> '';
CREATE INDEX principals_name ON principals (kind, name, id);
CREATE INDEX principals_person ON principals (person_id);

CREATE TABLE group_members (
  group_id    TEXT NOT NULL REFERENCES principals (id),
  member_id   TEXT NOT NULL REFERENCES principals (id),
  source      TEXT NOT NULL,
  fresh_until BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (group_id, member_id, source)
);
CREATE INDEX group_members_member ON group_members (member_id, group_id);
CREATE INDEX group_members_fresh ON group_members (fresh_until) WHERE fresh_until > 0;

CREATE TABLE targets (
  id           TEXT PRIMARY KEY,
  file_key     TEXT NOT NULL DEFAULT '',
  kind         TEXT NOT NULL,
  name         TEXT NOT NULL,
  settings     TEXT NOT NULL DEFAULT '{}',
  may_write    TEXT NOT NULL DEFAULT '[]',
  secret_from  TEXT NOT NULL DEFAULT '',
  sealed       TEXT NOT NULL DEFAULT '',
  source       TEXT NOT NULL,
  ok_at        BIGINT NOT NULL DEFAULT 0,
  failing_at   BIGINT NOT NULL DEFAULT 0,
  told_at      BIGINT NOT NULL DEFAULT 0,
  error_kind   TEXT NOT NULL DEFAULT '',
  error        TEXT NOT NULL DEFAULT '',
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX targets_file_key ON targets (file_key) WHERE file_key <> '' AND removed_at = 0;

CREATE TABLE accounts (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  target_id    TEXT NOT NULL REFERENCES targets (id),
  name         TEXT NOT NULL,
  external_id  TEXT NOT NULL DEFAULT '',
  confirmed_at BIGINT NOT NULL DEFAULT 0,
  confirmed_by TEXT NOT NULL DEFAULT '',
  source       TEXT NOT NULL,
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX accounts_principal ON accounts (principal_id, target_id) WHERE removed_at = 0;
CREATE INDEX accounts_external ON accounts (target_id, external_id);

CREATE TABLE resources (
  id         TEXT PRIMARY KEY,
  file_key   TEXT NOT NULL DEFAULT '',
  parent_id  TEXT NOT NULL DEFAULT '',
  target_id  TEXT NOT NULL DEFAULT '',
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  source     TEXT NOT NULL,
  removed_at BIGINT NOT NULL DEFAULT 0,
  version    BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX resources_file_key ON resources (file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE INDEX resources_parent ON resources (parent_id);

CREATE TABLE role_definitions (
  id          TEXT PRIMARY KEY,
  file_key    TEXT NOT NULL DEFAULT '',
  name        TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  privileged  INTEGER NOT NULL DEFAULT 0,
  source      TEXT NOT NULL,
  removed_at  BIGINT NOT NULL DEFAULT 0,
  version     BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX role_definitions_file_key ON role_definitions (file_key) WHERE file_key <> '' AND removed_at = 0;

CREATE TABLE role_meanings (
  role_id        TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id    TEXT NOT NULL REFERENCES resources (id),
  name           TEXT NOT NULL,
  entitlement_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (role_id, resource_id, name)
);

CREATE TABLE role_settings (
  role_id            TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id        TEXT NOT NULL DEFAULT '',
  max_duration_s     BIGINT,
  default_duration_s BIGINT,
  step_up            TEXT,
  justification      INTEGER,
  ticket             INTEGER,
  approval           INTEGER,
  approvers          TEXT,
  approval_timeout_s BIGINT,
  source             TEXT NOT NULL,
  version            BIGINT NOT NULL DEFAULT 1,
  PRIMARY KEY (role_id, resource_id)
);

CREATE TABLE assignments (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  role_id      TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id  TEXT NOT NULL REFERENCES resources (id),
  kind         TEXT NOT NULL,
  starts_at    BIGINT NOT NULL,
  ends_at      BIGINT NOT NULL DEFAULT 0,
  ended_at     BIGINT NOT NULL DEFAULT 0,
  expired      INTEGER NOT NULL DEFAULT 0,
  source       TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1
);
-- A-13: one assignment of a kind for a principal, role and scope
CREATE UNIQUE INDEX assignments_one ON assignments (principal_id, role_id, resource_id, kind) WHERE ended_at = 0;
CREATE INDEX assignments_role ON assignments (role_id, resource_id) WHERE ended_at = 0;
CREATE INDEX assignments_due ON assignments (ends_at) WHERE ended_at = 0 AND ends_at > 0;

CREATE TABLE activations (
  id            TEXT PRIMARY KEY,
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  role_id       TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id   TEXT NOT NULL REFERENCES resources (id),
  state         TEXT NOT NULL,
  duration_s    BIGINT NOT NULL,
  justification TEXT NOT NULL DEFAULT '',
  ticket_number TEXT NOT NULL DEFAULT '',
  ticket_system TEXT NOT NULL DEFAULT '',
  requested_at  BIGINT NOT NULL,
  starts_at     BIGINT NOT NULL DEFAULT 0,
  ends_at       BIGINT NOT NULL DEFAULT 0,
  ended_at      BIGINT NOT NULL DEFAULT 0,
  confirmed_at  BIGINT NOT NULL DEFAULT 0,
  settled_at    BIGINT NOT NULL DEFAULT 0,
  settings      TEXT NOT NULL,
  verdicts      TEXT NOT NULL,
  step_up_id    TEXT NOT NULL DEFAULT '',
  ended_by      TEXT NOT NULL DEFAULT '',
  end_reason    TEXT NOT NULL DEFAULT '',
  version       BIGINT NOT NULL DEFAULT 1,
  CHECK (state NOT IN ('provisioning', 'active') OR ends_at > starts_at)
);
-- One open activation per person, role and resource: the double click stops here.
CREATE UNIQUE INDEX activations_open ON activations (person_id, role_id, resource_id)
  WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_open_by ON activations (principal_id) WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_person ON activations (principal_id, requested_at, id);
CREATE INDEX activations_due ON activations (ends_at) WHERE state IN ('provisioning', 'active');
CREATE INDEX activations_pending ON activations (requested_at, id) WHERE state = 'pending_approval';
CREATE INDEX activations_assignment ON activations (assignment_id) WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_ending ON activations (ended_at) WHERE settled_at = 0 AND starts_at > 0 AND ended_at > 0;

CREATE TABLE approval_stages (
  activation_id TEXT NOT NULL REFERENCES activations (id),
  number        INTEGER NOT NULL,
  quorum        INTEGER NOT NULL,
  opened_at     BIGINT NOT NULL,
  times_out_at  BIGINT NOT NULL,
  closed_at     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (activation_id, number)
);
CREATE INDEX approval_stages_due ON approval_stages (times_out_at) WHERE closed_at = 0;

CREATE TABLE approval_decisions (
  id            TEXT PRIMARY KEY,
  activation_id TEXT NOT NULL REFERENCES activations (id),
  stage         INTEGER NOT NULL,
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  approve       INTEGER NOT NULL,
  justification TEXT NOT NULL,
  step_up_id    TEXT NOT NULL,
  decided_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX approval_decisions_once ON approval_decisions (activation_id, stage, person_id);
CREATE INDEX approval_decisions_by ON approval_decisions (principal_id, decided_at, id);

CREATE TABLE grants (
  id             TEXT PRIMARY KEY,
  target_id      TEXT NOT NULL REFERENCES targets (id),
  account_id     TEXT NOT NULL,
  entitlement_id TEXT NOT NULL,
  account_name   TEXT NOT NULL DEFAULT '',
  entitlement    TEXT NOT NULL DEFAULT '',
  before         TEXT NOT NULL DEFAULT 'unknown',
  seen           TEXT NOT NULL DEFAULT 'unknown',
  seen_at        BIGINT NOT NULL DEFAULT 0,
  wanted         INTEGER NOT NULL DEFAULT 0,
  confirmed      INTEGER NOT NULL DEFAULT 0,
  lost           INTEGER NOT NULL DEFAULT 0,
  wanted_until   BIGINT NOT NULL DEFAULT 0,
  unsure_until   BIGINT NOT NULL DEFAULT 0,
  adopted        INTEGER NOT NULL DEFAULT 0,
  due_at         BIGINT NOT NULL DEFAULT 0,
  late_since     BIGINT NOT NULL DEFAULT 0,
  late_told_at   BIGINT NOT NULL DEFAULT 0,
  tries          INTEGER NOT NULL DEFAULT 0,
  attempt        BIGINT NOT NULL DEFAULT 0,
  lease_until    BIGINT NOT NULL DEFAULT 0,
  error_kind     TEXT NOT NULL DEFAULT '',
  error          TEXT NOT NULL DEFAULT '',
  version        BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX grants_fact ON grants (target_id, account_id, entitlement_id);
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0;
CREATE INDEX grants_late ON grants (target_id, late_since) WHERE late_since > 0;

CREATE TABLE grant_needs (
  grant_id      TEXT NOT NULL REFERENCES grants (id),
  need_kind     TEXT NOT NULL,
  need_id       TEXT NOT NULL,
  starts_at     BIGINT NOT NULL,
  ends_at       BIGINT NOT NULL DEFAULT 0,
  ended_at      BIGINT NOT NULL DEFAULT 0,
  outcome       TEXT NOT NULL DEFAULT '',
  shared_with   TEXT NOT NULL DEFAULT '',
  settled_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (grant_id, need_kind, need_id)
);
CREATE INDEX grant_needs_need ON grant_needs (need_kind, need_id);
CREATE INDEX grant_needs_open ON grant_needs (grant_id) WHERE settled_at = 0;

CREATE TABLE credentials (
  id              TEXT PRIMARY KEY,
  principal_id    TEXT NOT NULL REFERENCES principals (id),
  name            TEXT NOT NULL,
  raw_id          TEXT NOT NULL,
  public_key      TEXT NOT NULL,
  aaguid          TEXT NOT NULL DEFAULT '',
  attestation     TEXT NOT NULL DEFAULT '',
  transports      TEXT NOT NULL DEFAULT '[]',
  sign_count      BIGINT NOT NULL DEFAULT 0,
  backup_eligible INTEGER NOT NULL DEFAULT 0,
  backed_up       INTEGER NOT NULL DEFAULT 0,
  created_at      BIGINT NOT NULL,
  last_used_at    BIGINT NOT NULL DEFAULT 0,
  removed_at      BIGINT NOT NULL DEFAULT 0
);
-- WebAuthn L3 §7.1 step 26: no credential id twice, for whomever, removed ones included
CREATE UNIQUE INDEX credentials_raw ON credentials (raw_id);
CREATE INDEX credentials_principal ON credentials (principal_id) WHERE removed_at = 0;

CREATE TABLE ceremonies (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  session_id   TEXT NOT NULL,
  purpose      TEXT NOT NULL,
  payload      TEXT NOT NULL,
  ceremony     TEXT NOT NULL,
  back         TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX ceremonies_expired ON ceremonies (expires_at);

CREATE TABLE step_ups (
  id            TEXT PRIMARY KEY,
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  credential_id TEXT NOT NULL REFERENCES credentials (id),
  at            BIGINT NOT NULL,
  random        TEXT NOT NULL,
  canonical     TEXT NOT NULL,
  salt          TEXT NOT NULL DEFAULT '',
  auth_data     TEXT NOT NULL,
  client_data   TEXT NOT NULL,
  signature     TEXT NOT NULL,
  sign_count    BIGINT NOT NULL,
  user_verified INTEGER NOT NULL,
  backed_up     INTEGER NOT NULL
);

CREATE TABLE vouchers (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  hash       TEXT NOT NULL,
  person_id  TEXT NOT NULL DEFAULT '',
  issued_by  TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX vouchers_hash ON vouchers (hash);

CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL DEFAULT '',
  data         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX sessions_principal ON sessions (principal_id);
CREATE INDEX sessions_expired ON sessions (expires_at);

CREATE TABLE notices (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  text         TEXT NOT NULL,
  link         TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  read_at      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX notices_principal ON notices (principal_id, created_at, id);

CREATE TABLE favourites (
  principal_id TEXT NOT NULL REFERENCES principals (id),
  role_id      TEXT NOT NULL,
  resource_id  TEXT NOT NULL,
  PRIMARY KEY (principal_id, role_id, resource_id)
);

CREATE TABLE audit_entries (
  seq         BIGINT NOT NULL PRIMARY KEY,
  at          BIGINT NOT NULL,
  type        TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  subject_id  TEXT NOT NULL DEFAULT '',
  role_id     TEXT NOT NULL DEFAULT '',
  resource_id TEXT NOT NULL DEFAULT '',
  target_id   TEXT NOT NULL DEFAULT '',
  object_id   TEXT NOT NULL DEFAULT '',
  correlation TEXT NOT NULL DEFAULT '',
  result      TEXT NOT NULL,
  leaf        TEXT NOT NULL
);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, seq);
CREATE INDEX audit_entries_subject ON audit_entries (subject_id, seq) WHERE subject_id <> '';
CREATE INDEX audit_entries_role ON audit_entries (role_id, seq) WHERE role_id <> '';
CREATE INDEX audit_entries_type ON audit_entries (type, seq);
CREATE INDEX audit_entries_result ON audit_entries (result, seq) WHERE result <> 'ok';
CREATE INDEX audit_entries_correlation ON audit_entries (correlation, seq) WHERE correlation <> '';

CREATE TABLE audit_texts (
  seq   BIGINT NOT NULL,
  field TEXT NOT NULL,
  salt  TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (seq, field)
);

CREATE TABLE audit_hashes (
  idx  BIGINT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL
);

CREATE TABLE audit_head (
  id   INTEGER PRIMARY KEY,
  size BIGINT NOT NULL,
  root TEXT NOT NULL
);

CREATE TABLE audit_checkpoints (
  size BIGINT NOT NULL PRIMARY KEY,
  note TEXT NOT NULL,
  at   BIGINT NOT NULL
);

CREATE TABLE file_applies (
  id          TEXT PRIMARY KEY,
  digest      TEXT NOT NULL,
  applied_at  BIGINT NOT NULL,
  changes     BIGINT NOT NULL
);
