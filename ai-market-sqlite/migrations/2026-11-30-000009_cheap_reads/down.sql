CREATE TABLE less_counters (
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    task_type TEXT NOT NULL,
    "key" INTEGER NOT NULL,
    n INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (kind, task_type, "key")
) STRICT, WITHOUT ROWID;
INSERT INTO less_counters SELECT kind, task_type, "key", n FROM counters WHERE kind <= 4;
DROP TABLE counters;
ALTER TABLE less_counters RENAME TO counters;

DROP TABLE served_labels;
DROP TABLE served;
DROP TABLE sums;
DROP INDEX tallies_by_type;
ALTER TABLE tallies DROP COLUMN type_points;
DROP INDEX workers_without_votes;
ALTER TABLE workers DROP COLUMN tallied;
DROP INDEX workers_gone;
DROP INDEX tasks_by_status;
DROP INDEX tasks_by_type;
ALTER TABLE tasks DROP COLUMN status;
CREATE INDEX tasks_by_state ON tasks (task_type, state, id);

PRAGMA user_version = 8;
