ALTER TABLE meta DROP COLUMN serving_since;
DROP TABLE tallies;
DROP TABLE standings;
DROP INDEX workers_present;
ALTER TABLE workers DROP COLUMN gone;
ALTER TABLE workers DROP COLUMN last_heartbeat;
ALTER TABLE workers DROP COLUMN models;
ALTER TABLE leases DROP COLUMN model;
DROP INDEX tasks_claimable;
ALTER TABLE tasks DROP COLUMN distinct_models;
CREATE INDEX tasks_claimable
    ON tasks (task_type, rank, id, submission_count, lease_count, attempts, wanted, state)
    WHERE state = 0 AND wanted > submission_count + lease_count;
PRAGMA user_version = 2;
