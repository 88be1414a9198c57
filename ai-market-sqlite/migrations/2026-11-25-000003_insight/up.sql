-- How good workers and models are: tallies, how far workers are trusted, whether they are there, and
-- tasks that no model may answer twice.

-- A task may ask that no two of its answers come from the same model.
ALTER TABLE tasks ADD COLUMN distinct_models INTEGER NOT NULL DEFAULT 0
    CHECK (distinct_models IN (0, 1));
DROP INDEX tasks_claimable;
-- As before, and covering what claim asks of models.
CREATE INDEX tasks_claimable
    ON tasks (task_type, rank, id, submission_count, lease_count, attempts, distinct_models, wanted,
        state)
    WHERE state = 0 AND wanted > submission_count + lease_count;

-- The model that the worker ran for the type of the task when it claimed it.
ALTER TABLE leases ADD COLUMN model INTEGER REFERENCES models (seq);

-- The models of single types: a JSON object from task type to model identity and labels, as `model`
-- has them for all others.
ALTER TABLE workers ADD COLUMN models TEXT NOT NULL DEFAULT '{}';
ALTER TABLE workers ADD COLUMN last_heartbeat INTEGER;
-- Declared gone, and not heard of since.
ALTER TABLE workers ADD COLUMN gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1));

-- Serves reap: the workers that have been silent for longest. It moves once a second for a worker
-- that is busy, since `last_seen` does.
CREATE INDEX workers_present ON workers (last_seen, id) WHERE gone = 0;

-- How far a worker is trusted with tasks of a type, or as a whole (task_type ''); without a row, as
-- every worker is at first.
CREATE TABLE standings (
    worker TEXT NOT NULL REFERENCES workers (id),
    task_type TEXT NOT NULL,
    -- 1 on probation, 2 suspended.
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    max_leases INTEGER CHECK (max_leases >= 1),
    reason TEXT NOT NULL,
    -- The policy that found so; none where somebody decided it.
    policy TEXT,
    since INTEGER NOT NULL,
    CHECK ((state = 1) = (max_leases IS NOT NULL)),
    PRIMARY KEY (worker, task_type)
) STRICT, WITHOUT ROWID;

-- How a worker did at tasks of a type with a model (0 where it is not known). Every view of how good
-- workers, models and types are is a sum over these rows.
CREATE TABLE tallies (
    worker TEXT NOT NULL REFERENCES workers (id),
    task_type TEXT NOT NULL,
    model INTEGER NOT NULL,
    points INTEGER NOT NULL,
    -- Votes that came in time, and answers that were kept as late.
    submissions INTEGER NOT NULL CHECK (submissions >= 0),
    late INTEGER NOT NULL CHECK (late >= 0),
    -- Of both, those that agree with the final label, and those that do not.
    agreements INTEGER NOT NULL CHECK (agreements >= 0),
    disagreements INTEGER NOT NULL CHECK (disagreements >= 0),
    -- Leases that were lost.
    lost INTEGER NOT NULL CHECK (lost >= 0),
    -- Answers whose time from claim to answer is known, and its sum in microseconds.
    timed INTEGER NOT NULL CHECK (timed >= 0),
    latency INTEGER NOT NULL CHECK (latency >= 0),
    PRIMARY KEY (worker, task_type, model)
) STRICT, WITHOUT ROWID;

-- Since when the store is served without interruption.
ALTER TABLE meta ADD COLUMN serving_since INTEGER;

-- What is there already counts, with points as the majority pays them; its latencies are not known.
INSERT INTO tallies
SELECT v.worker, t.task_type, coalesce(v.model, 0),
    sum(v.late = 0 AND t.state = 1 AND v.label = o.label),
    sum(v.late = 0),
    sum(v.late = 1),
    sum(t.state = 1 AND v.label = o.label),
    sum(t.state = 1 AND v.label <> o.label),
    0, 0, 0
FROM votes v
CROSS JOIN tasks t ON t.id = v.task
LEFT JOIN outcomes o ON o.seq = t.outcome
GROUP BY 1, 2, 3;

-- WHERE TRUE tells ON CONFLICT from a join.
INSERT INTO tallies
SELECT s.worker, t.task_type, 0, 0, 0, 0, 0, 0, sum(s.n), 0, 0
FROM losses s
CROSS JOIN tasks t ON t.id = s.task
WHERE TRUE
GROUP BY 1, 2
ON CONFLICT (worker, task_type, model) DO UPDATE SET lost = excluded.lost;

PRAGMA user_version = 3;
