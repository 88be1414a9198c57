PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(replace(replace(sql,
    'CHECK (state BETWEEN 0 AND 3)', 'CHECK (state IN (0, 1, 2, 3))'),
    'input INTEGER NOT NULL', 'input INTEGER NOT NULL REFERENCES inputs (seq)'),
    'outcome INTEGER', 'outcome INTEGER REFERENCES outcomes (seq)')
WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema
SET sql = replace(sql, 'worker TEXT NOT NULL', 'worker TEXT NOT NULL REFERENCES workers (id)')
WHERE type = 'table' AND name IN ('votes', 'leases', 'losses');
PRAGMA writable_schema = RESET;

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
DROP INDEX workers_unused;
ALTER TABLE workers DROP COLUMN tallied;
DROP INDEX idempotency_keys_by_task;
DROP INDEX workers_gone;
DROP INDEX tasks_by_status;
DROP INDEX tasks_by_type;
ALTER TABLE tasks DROP COLUMN status;
CREATE INDEX tasks_by_state ON tasks (task_type, state, id);

PRAGMA user_version = 8;
