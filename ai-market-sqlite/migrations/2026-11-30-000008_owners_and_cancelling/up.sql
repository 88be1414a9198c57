-- Losses count for the owner of a worker, and tasks can be cancelled.

-- Who ran the worker when it last claimed the task.
ALTER TABLE losses ADD COLUMN owner TEXT;
UPDATE losses SET owner = (SELECT w.owner FROM workers w WHERE w.id = losses.worker);

-- Who put the task in: the owner of a key.
ALTER TABLE inputs ADD COLUMN client TEXT;

-- State 3 is cancelled. A CHECK cannot be altered, and copying the table would take as long as the
-- file is large; this is what SQLite's documentation of ALTER TABLE (section 7) has for changes that
-- leave the content as it is. The ALTER TABLE above tells other connections to read the schema anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, 'CHECK (state IN (0, 1, 2))', 'CHECK (state IN (0, 1, 2, 3))')
WHERE type = 'table' AND name = 'tasks';
PRAGMA writable_schema = RESET;

PRAGMA user_version = 8;
