DROP TABLE bytes;
ALTER TABLE meta DROP COLUMN cleared_event;
DROP INDEX track_records_by_worker;
DROP INDEX tasks_claimable;
ALTER TABLE tasks DROP COLUMN claim_rank;
CREATE INDEX tasks_claimable
    ON tasks (task_type, rank, id, submission_count, lease_count, attempts, distinct_models, wanted,
        state)
    WHERE state = 0 AND wanted > submission_count + lease_count;

PRAGMA user_version = 5;
