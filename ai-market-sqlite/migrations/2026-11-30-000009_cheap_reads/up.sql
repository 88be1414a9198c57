-- Questions cost what they return: orders have an index, and sums are kept up with their rows.

-- 0 queued, 1 assigned, 2 finalized, 3 failed, 4 cancelled: the state, with open tasks told apart by
-- whether somebody holds them. Most tasks of a file that is older are finalized, and the default spares
-- writing those anew.
ALTER TABLE tasks ADD COLUMN status INTEGER NOT NULL DEFAULT 2 CHECK (status BETWEEN 0 AND 4);
UPDATE tasks SET status = iif(state = 0, lease_count > 0, state + 1) WHERE state <> 1;

-- Serve pages of tasks by type and status, and by status. They move when a status changes.
DROP INDEX tasks_by_state;
CREATE INDEX tasks_by_type ON tasks (task_type, status, id);
CREATE INDEX tasks_by_status ON tasks (status, id);

-- Serves the look-up of silent workers that are gone, which nothing moves.
CREATE INDEX workers_gone ON workers (last_seen, id) WHERE gone = 1;

-- Serves the deletion of closed tasks.
CREATE INDEX idempotency_keys_by_task ON idempotency_keys (task);

-- Whether there is a tally of the worker.
ALTER TABLE workers ADD COLUMN tallied INTEGER NOT NULL DEFAULT 0 CHECK (tallied IN (0, 1));
UPDATE workers SET tallied = 1 WHERE id IN (SELECT worker FROM tallies);

-- Serves the deletion of workers that never did anything.
CREATE INDEX workers_unused ON workers (last_seen, id) WHERE gone = 1 AND tallied = 0;

-- Serves tallies by worker, with the workers that `workers_by_points` does not have.
CREATE INDEX workers_without_votes ON workers (points DESC, id)
    WHERE submissions = 0 AND tallied = 1;

-- The points of the worker for the type with all models, in one row of those that it has for the type;
-- NULL in the others.
ALTER TABLE tallies ADD COLUMN type_points INTEGER;
UPDATE tallies SET type_points = (
    SELECT max(-9223372036854775808, min(
        sum(t.points >> 32) * 4294967296 + sum(t.points & 4294967295), 9223372036854775807))
    FROM tallies t WHERE t.worker = tallies.worker AND t.task_type = tallies.task_type)
WHERE model = (
    SELECT min(t.model) FROM tallies t
    WHERE t.worker = tallies.worker AND t.task_type = tallies.task_type);

-- Serves tallies by worker of one type. It moves when points are paid.
CREATE INDEX tallies_by_type ON tallies (task_type, type_points DESC, worker)
    WHERE type_points IS NOT NULL;

-- Tallies summed up over workers.
CREATE TABLE sums (
    -- 0 all together, 1 by model, 2 by task type.
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    -- The model or the type; a model as text that sorts as models do, '' where it is not known.
    name TEXT NOT NULL,
    -- Of a model: the type, or '' for all types.
    task_type TEXT NOT NULL CHECK (kind = 1 OR task_type = ''),
    points INTEGER NOT NULL,
    submissions INTEGER NOT NULL,
    late INTEGER NOT NULL,
    agreements INTEGER NOT NULL,
    disagreements INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    timed INTEGER NOT NULL,
    latency INTEGER NOT NULL,
    PRIMARY KEY (kind, name, task_type)
) STRICT, WITHOUT ROWID;

-- Serves tallies by model, of one type or all, and by type.
CREATE INDEX sums_by_points ON sums (kind, task_type, points DESC, name);

INSERT INTO sums
SELECT g.kind,
    CASE g.kind WHEN 0 THEN '' WHEN 2 THEN t.task_type ELSE coalesce(
        json_extract(m.identity, '$.id')
            || coalesce(char(2) || json_extract(m.identity, '$.revision'), char(1))
            || coalesce(char(2) || json_extract(m.identity, '$.precision'), char(1)),
        '') END,
    iif(g.by_type, t.task_type, ''),
    max(-9223372036854775808, min(
        sum(points >> 32) * 4294967296 + sum(points & 4294967295), 9223372036854775807)),
    min(sum(submissions >> 32) * 4294967296 + sum(submissions & 4294967295), 9223372036854775807),
    min(sum(late >> 32) * 4294967296 + sum(late & 4294967295), 9223372036854775807),
    min(sum(agreements >> 32) * 4294967296 + sum(agreements & 4294967295), 9223372036854775807),
    min(sum(disagreements >> 32) * 4294967296 + sum(disagreements & 4294967295),
        9223372036854775807),
    min(sum(lost >> 32) * 4294967296 + sum(lost & 4294967295), 9223372036854775807),
    min(sum(timed >> 32) * 4294967296 + sum(timed & 4294967295), 9223372036854775807),
    min(sum(latency >> 32) * 4294967296 + sum(latency & 4294967295), 9223372036854775807)
FROM tallies t
LEFT JOIN models m ON m.seq = t.model
CROSS JOIN (SELECT 0 AS kind, 0 AS by_type UNION ALL VALUES (1, 0), (1, 1), (2, 0)) g
GROUP BY 1, 2, 3;

-- How many workers serve a type with a model: those that can do it, are not gone and not suspended for
-- it. A model is written as in `sums`.
CREATE TABLE served (
    model TEXT NOT NULL,
    task_type TEXT NOT NULL,
    workers INTEGER NOT NULL CHECK (workers >= 0),
    PRIMARY KEY (model, task_type)
) STRICT, WITHOUT ROWID;

-- The same of the labels that they say the model gives, a JSON array, where they say so.
CREATE TABLE served_labels (
    model TEXT NOT NULL,
    task_type TEXT NOT NULL,
    labels TEXT NOT NULL,
    workers INTEGER NOT NULL CHECK (workers >= 0),
    PRIMARY KEY (model, task_type, labels)
) STRICT, WITHOUT ROWID;

CREATE TEMP TABLE serving AS
SELECT task_type,
    coalesce(
        json_extract(model, '$.id')
            || coalesce(char(2) || json_extract(model, '$.revision'), char(1))
            || coalesce(char(2) || json_extract(model, '$.precision'), char(1)),
        '') AS model,
    json_extract(model, '$.labels') AS labels
FROM (
    SELECT c.value AS task_type,
        coalesce((SELECT m.value FROM json_each(w.models) m WHERE m."key" = c.value), w.model)
            AS model
    FROM workers w
    CROSS JOIN json_each(w.capabilities) c
    WHERE w.gone = 0 AND NOT EXISTS (
        SELECT 1 FROM standings s
        WHERE s.worker = w.id AND s.task_type IN ('', c.value) AND s.state = 2));
INSERT INTO served SELECT model, task_type, count(*) FROM serving GROUP BY 1, 2;
INSERT INTO served_labels
SELECT model, task_type, labels, count(*) FROM serving WHERE labels IS NOT NULL GROUP BY 1, 2, 3;
DROP TABLE serving;

-- As before, with sums that the store keeps up itself:
-- kind 5: tasks by type
-- kind 6: tasks by status (key)
-- kind 7: workers that serve the type
-- kind 8: models with which the type is served, as far as workers say
-- kind 9: open tasks of the type that want more votes than there are workers for it
-- kind 10: the same of all types
-- kind 11: 1 where the type has open tasks and nobody serves it
-- kind 12: how many such types there are
-- kind 13: workers that are gone
CREATE TABLE more_counters (
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 13),
    task_type TEXT NOT NULL,
    "key" INTEGER NOT NULL,
    n INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (kind, task_type, "key")
) STRICT, WITHOUT ROWID;
INSERT INTO more_counters
SELECT kind, task_type, "key", n FROM counters
UNION ALL
SELECT 5, task_type, 0, sum(n) FROM counters WHERE kind = 0 GROUP BY task_type
UNION ALL
SELECT 6, '', "key", sum(n) FROM counters WHERE kind = 0 GROUP BY "key"
UNION ALL
SELECT 7, task_type, 0, sum(workers) FROM served GROUP BY task_type
UNION ALL
SELECT 8, task_type, 0, count(*) FROM served WHERE model <> '' GROUP BY task_type
UNION ALL
SELECT 9, c.task_type, 0, sum(c.n) FROM counters c
WHERE c.kind = 1 AND c."key" > coalesce(
    (SELECT k.n FROM counters k WHERE k.kind = 2 AND k.task_type = c.task_type), 0)
GROUP BY c.task_type
UNION ALL
SELECT 11, c.task_type, 0, 1 FROM counters c
WHERE c.kind = 0 AND c."key" < 2 AND c.n > 0
    AND NOT EXISTS (SELECT 1 FROM served s WHERE s.task_type = c.task_type)
GROUP BY c.task_type
UNION ALL
SELECT 13, '', 0, count(*) FROM workers WHERE gone = 1;
INSERT INTO more_counters
SELECT kind + 1, '', 0, sum(n) FROM more_counters WHERE kind IN (9, 11) GROUP BY kind;
DROP TABLE counters;
ALTER TABLE more_counters RENAME TO counters;

-- Serves the stats: the types with the most tasks. It moves once for each group that inserts some.
CREATE INDEX counters_by_size ON counters (n DESC, task_type) WHERE kind = 5;

-- Rows that are deleted are looked up by every foreign key that refers to their table, and these have no
-- index for it, which each vote would pay for: nothing but the store's own steps deletes tasks and
-- workers. As in the migration before.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(replace(replace(sql,
    ' REFERENCES inputs (seq)', ''), ' REFERENCES outcomes (seq)', ''),
    -- SQLite makes a table of its own for each look into a list of more than two.
    'CHECK (state IN (0, 1, 2, 3))', 'CHECK (state BETWEEN 0 AND 3)')
WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema
SET sql = replace(sql, ' REFERENCES workers (id)', '')
WHERE type = 'table' AND name IN ('votes', 'leases', 'losses');
PRAGMA writable_schema = RESET;

PRAGMA user_version = 9;
