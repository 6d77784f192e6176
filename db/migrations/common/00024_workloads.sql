-- +goose Up

-- A workload is a principal that nobody signs in as: somebody answers for it.
ALTER TABLE principals ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN owner_id TEXT NOT NULL DEFAULT ''; -- a person or group, or nobody any more
CREATE INDEX principals_owner ON principals (owner_id, id) WHERE owner_id <> '' AND removed_at = 0;

-- Who asked to extend or renew: for a workload, who answers for it. Empty: the holder.
ALTER TABLE assignment_requests ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
