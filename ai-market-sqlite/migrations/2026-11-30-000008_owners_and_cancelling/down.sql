-- A cancelled task becomes a failed one.
UPDATE counters SET n = n + coalesce((
    SELECT c.n FROM counters c
    WHERE c.kind = 0 AND c."key" = 4 AND c.task_type = counters.task_type), 0)
WHERE kind = 0 AND "key" = 3;
INSERT INTO counters (kind, task_type, "key", n)
SELECT c.kind, c.task_type, 3, c.n FROM counters c
WHERE c.kind = 0 AND c."key" = 4
ON CONFLICT (kind, task_type, "key") DO NOTHING;
DELETE FROM counters WHERE kind = 0 AND "key" = 4;
UPDATE tasks SET state = 2 WHERE state = 3;

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, 'CHECK (state IN (0, 1, 2, 3))', 'CHECK (state IN (0, 1, 2))')
WHERE type = 'table' AND name = 'tasks';
PRAGMA writable_schema = RESET;

ALTER TABLE inputs DROP COLUMN client;
ALTER TABLE losses DROP COLUMN owner;

PRAGMA user_version = 7;
