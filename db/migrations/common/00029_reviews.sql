-- +goose Up
-- What is reviewed again and again: the series. Its terms are those of the instances to come.
CREATE TABLE reviews (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  terms      TEXT NOT NULL,
  schedule   TEXT NOT NULL,
  as_owner   INTEGER NOT NULL DEFAULT 0,
  made_by    TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  next_at    BIGINT NOT NULL DEFAULT 0,
  started    BIGINT NOT NULL DEFAULT 0,
  removed_at BIGINT NOT NULL DEFAULT 0,
  version    BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX reviews_due ON reviews (next_at) WHERE removed_at = 0 AND next_at > 0;
CREATE INDEX reviews_name ON reviews (name, id) WHERE removed_at = 0;

-- Where reviews are about: who administers a resource finds those at it and below it.
CREATE TABLE review_places (
  review_id   TEXT NOT NULL REFERENCES reviews (id),
  resource_id TEXT NOT NULL,
  PRIMARY KEY (review_id, resource_id)
);
CREATE INDEX review_places_at ON review_places (resource_id, review_id);

-- One review that runs or ran, with the terms as they were at its start.
CREATE TABLE review_instances (
  id         TEXT PRIMARY KEY,
  review_id  TEXT NOT NULL REFERENCES reviews (id),
  number     BIGINT NOT NULL,
  name       TEXT NOT NULL,
  terms      TEXT NOT NULL,
  state      TEXT NOT NULL,
  stage      BIGINT NOT NULL DEFAULT 0,
  planned_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  stage_ends BIGINT NOT NULL DEFAULT 0,
  ends_at    BIGINT NOT NULL,
  remind_at  BIGINT NOT NULL DEFAULT 0,
  after_id   TEXT NOT NULL DEFAULT '',
  done       BIGINT NOT NULL DEFAULT 0,
  about      BIGINT NOT NULL DEFAULT 0,
  population TEXT NOT NULL DEFAULT '',
  items      BIGINT NOT NULL DEFAULT 0,
  approved   BIGINT NOT NULL DEFAULT 0,
  denied     BIGINT NOT NULL DEFAULT 0,
  shrunk     BIGINT NOT NULL DEFAULT 0,
  dont_know  BIGINT NOT NULL DEFAULT 0,
  ended_at   BIGINT NOT NULL DEFAULT 0,
  ended_by   TEXT NOT NULL DEFAULT '',
  applied_at BIGINT NOT NULL DEFAULT 0,
  applied_by TEXT NOT NULL DEFAULT '',
  removed_at BIGINT NOT NULL DEFAULT 0,
  version    BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX review_instances_number ON review_instances (review_id, number);
CREATE INDEX review_instances_open ON review_instances (ends_at, id) WHERE removed_at = 0 AND state <> 'applied';
CREATE INDEX review_instances_done ON review_instances (ended_at, id) WHERE removed_at = 0 AND ended_at > 0;

-- Who reviews: people frozen at the start, each set once an instance and stage however many items it reviews; members is
-- a hash of who they are.
CREATE TABLE review_sets (
  id          TEXT PRIMARY KEY,
  instance_id TEXT NOT NULL REFERENCES review_instances (id),
  stage       BIGINT NOT NULL,
  members     TEXT NOT NULL,
  items       BIGINT NOT NULL DEFAULT 0,
  decided     BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX review_sets_once ON review_sets (instance_id, stage, members);
CREATE TABLE review_set_members (
  set_id       TEXT NOT NULL REFERENCES review_sets (id),
  principal_id TEXT NOT NULL REFERENCES principals (id),
  person_id    TEXT NOT NULL,
  fallback     INTEGER NOT NULL DEFAULT 0,
  told_at      BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (set_id, principal_id)
);
CREATE INDEX review_set_members_of ON review_set_members (principal_id, set_id);

-- What is reviewed, frozen at the start, with the answer that counts and what came of it.
CREATE TABLE review_items (
  id            TEXT PRIMARY KEY,
  instance_id   TEXT NOT NULL REFERENCES review_instances (id),
  assignment_id TEXT NOT NULL DEFAULT '',
  group_id      TEXT NOT NULL DEFAULT '',
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL DEFAULT '',
  role_id       TEXT NOT NULL DEFAULT '',
  resource_id   TEXT NOT NULL DEFAULT '',
  kind          TEXT NOT NULL DEFAULT '',
  frozen        TEXT NOT NULL DEFAULT '{}',
  recommended   TEXT NOT NULL DEFAULT '',
  sets          TEXT NOT NULL DEFAULT '[]',
  set_id        TEXT NOT NULL,
  sort_name     TEXT NOT NULL,
  sort_place    TEXT NOT NULL,
  decision      TEXT NOT NULL DEFAULT '',
  shrink        TEXT NOT NULL DEFAULT '{}',
  reason        TEXT NOT NULL DEFAULT '',
  decided_by    TEXT NOT NULL DEFAULT '',
  decided_at    BIGINT NOT NULL DEFAULT 0,
  decided_as    TEXT NOT NULL DEFAULT '',
  result        TEXT NOT NULL DEFAULT '',
  result_text   TEXT NOT NULL DEFAULT '',
  result_at     BIGINT NOT NULL DEFAULT 0,
  gone_at       BIGINT NOT NULL DEFAULT 0,
  due_at        BIGINT NOT NULL DEFAULT 0,
  tries         BIGINT NOT NULL DEFAULT 0,
  awaits        TEXT NOT NULL DEFAULT '[]',
  version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX review_items_of_set ON review_items (set_id, sort_place, id);
CREATE INDEX review_items_of_set_by_name ON review_items (set_id, sort_name, id);
CREATE INDEX review_items_open ON review_items (set_id, sort_place, id) WHERE decision = '';
CREATE INDEX review_items_of ON review_items (instance_id, sort_place, id);
CREATE UNIQUE INDEX review_items_by_id ON review_items (instance_id, id);
CREATE INDEX review_items_principal ON review_items (instance_id, principal_id);
CREATE INDEX review_items_assignment ON review_items (assignment_id) WHERE assignment_id <> '';
CREATE INDEX review_items_due ON review_items (due_at, id) WHERE due_at > 0;
CREATE INDEX review_items_result ON review_items (instance_id, result, sort_place, id);

-- Every answer ever given, and every hand-over; the last one counts.
CREATE TABLE review_decisions (
  id          TEXT PRIMARY KEY,
  instance_id TEXT NOT NULL REFERENCES review_instances (id),
  item_id     TEXT NOT NULL REFERENCES review_items (id),
  stage       BIGINT NOT NULL,
  decision    TEXT NOT NULL,
  shrink      TEXT NOT NULL DEFAULT '{}',
  reason      TEXT NOT NULL DEFAULT '',
  decided_by  TEXT NOT NULL,
  decided_as  TEXT NOT NULL DEFAULT '',
  decided_at  BIGINT NOT NULL,
  nth         BIGINT NOT NULL
);
CREATE UNIQUE INDEX review_decisions_of ON review_decisions (item_id, nth);
