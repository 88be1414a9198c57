-- The market says where a task stands among the claimable ones; the store only keeps and finds it.

-- (claim_rank, id) rises in the order of handing out; NULL while nobody may claim the task.
ALTER TABLE tasks ADD COLUMN claim_rank INTEGER CHECK (claim_rank IS NULL OR state = 0);
UPDATE tasks SET claim_rank = rank WHERE state = 0 AND wanted > submission_count + lease_count;

DROP INDEX tasks_claimable;
-- Serves claim: the claimable tasks in order. The counts make it covering, so that looking through it
-- touches no other page until a task has something to look up.
CREATE INDEX tasks_claimable
    ON tasks (task_type, claim_rank, id, submission_count, lease_count, attempts, distinct_models)
    WHERE claim_rank IS NOT NULL;

-- Serves the look-up of the types for which a worker has a record. Nothing moves it.
CREATE INDEX track_records_by_worker ON track_records (worker);

-- The newest event when everything was last deleted: later ones come after it.
ALTER TABLE meta ADD COLUMN cleared_event INTEGER NOT NULL DEFAULT 0;

-- What has no table of its own: an ordered space of bytes.
CREATE TABLE bytes (
    "key" BLOB NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 6;
