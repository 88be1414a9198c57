-- The market: tasks, who holds them, what was answered, and what came of it.
--
-- Times are microseconds since 1970-01-01T00:00:00Z. Ids of tasks are the sixteen bytes of a UUIDv7,
-- so their order is the order of age and new rows are appended. Other programs tell a file of this
-- schema by `PRAGMA application_id` (0x61694d6b, "aiMk") and its version by `PRAGMA user_version`.

-- The texts lie apart from the tasks, so that a claim or a vote rewrites a narrow row, and not
-- kilobytes of text with it.
CREATE TABLE inputs (
    seq INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- How a task ended: one row per closed task, written once.
CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY,
    label TEXT,
    agreement REAL,
    policy TEXT,
    reason TEXT,
    CHECK (
        (label IS NOT NULL AND agreement BETWEEN 0.0 AND 1.0 AND policy IS NOT NULL AND reason IS NULL)
        OR (label IS NULL AND agreement IS NULL AND policy IS NULL AND reason IS NOT NULL)
    )
) STRICT;

-- Rows are narrow and found by their id alone, so the table is its own index.
CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    input INTEGER NOT NULL REFERENCES inputs (seq),
    task_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    required INTEGER NOT NULL CHECK (required >= 1),
    wanted INTEGER NOT NULL CHECK (wanted >= 1),
    max_submissions INTEGER NOT NULL CHECK (max_submissions >= 1),
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    -- The priority with its sign turned: (rank, id) rises in the order of handing out.
    rank INTEGER NOT NULL,
    deadline INTEGER,
    -- 0 open, 1 finalized, 2 failed. An open task is queued while it has no lease, else assigned.
    state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    submission_count INTEGER NOT NULL DEFAULT 0 CHECK (submission_count >= 0),
    lease_count INTEGER NOT NULL DEFAULT 0 CHECK (lease_count >= 0),
    closed_at INTEGER,
    outcome INTEGER REFERENCES outcomes (seq),
    CHECK ((state = 0) = (outcome IS NULL)),
    CHECK ((state = 0) = (closed_at IS NULL)),
    CHECK (state = 0 OR lease_count = 0)
) STRICT, WITHOUT ROWID;

-- Serves claim: the tasks with a replica to hand out, in order. The counts make it covering, so
-- that looking through it touches no other page until a task has something to look up.
CREATE INDEX tasks_claimable
    ON tasks (task_type, rank, id, submission_count, lease_count, attempts, wanted, state)
    WHERE state = 0 AND wanted > submission_count + lease_count;

-- Serves pages of tasks by type and status. It moves only when a task closes.
CREATE INDEX tasks_by_state ON tasks (task_type, state, id);

-- Serves reap: open tasks whose deadline passes next.
CREATE INDEX tasks_by_deadline ON tasks (deadline, id)
    WHERE state = 0 AND deadline IS NOT NULL;

-- A client's own name for a task. Keys are few or many as clients like, so they cost tasks without
-- one nothing.
CREATE TABLE idempotency_keys (
    name TEXT NOT NULL PRIMARY KEY,
    task BLOB NOT NULL REFERENCES tasks (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    instance TEXT,
    -- A JSON array of task types, sorted.
    capabilities TEXT NOT NULL,
    -- A model identity as JSON.
    model TEXT,
    registered_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    points INTEGER NOT NULL DEFAULT 0,
    submissions INTEGER NOT NULL DEFAULT 0 CHECK (submissions >= 0)
) STRICT, WITHOUT ROWID;

-- Serves the leaderboard, which every worker with an accepted vote is on.
CREATE INDEX workers_by_points ON workers (points DESC, id) WHERE submissions > 0;

-- Who holds which task. `standing` marks a lease whose task was finalized under it: it lets a late
-- answer in until it runs out, and counts nowhere else.
CREATE TABLE leases (
    task BLOB NOT NULL REFERENCES tasks (id),
    worker TEXT NOT NULL REFERENCES workers (id),
    -- The place in the order in which the task's leases were claimed.
    n INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    owner TEXT,
    instance TEXT,
    standing INTEGER NOT NULL DEFAULT 0 CHECK (standing IN (0, 1)),
    PRIMARY KEY (task, worker)
) STRICT, WITHOUT ROWID;

-- Serves reap: the leases that run out next.
CREATE INDEX leases_by_until ON leases (until, task, worker);

-- Serves claim (how many leases a worker holds), heartbeats and registrations (which ones).
CREATE INDEX leases_held ON leases (worker, task) WHERE standing = 0;

-- How often a worker lost a task.
CREATE TABLE losses (
    task BLOB NOT NULL REFERENCES tasks (id),
    worker TEXT NOT NULL REFERENCES workers (id),
    n INTEGER NOT NULL CHECK (n >= 1),
    PRIMARY KEY (task, worker)
) STRICT, WITHOUT ROWID;

-- Every model identity once, as JSON; votes name it by number.
CREATE TABLE models (
    seq INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE
) STRICT;

-- Answers, in the order in which they came. Labels and scores can be long, so the rows lie in a
-- table of their own and the index below finds them.
CREATE TABLE votes (
    seq INTEGER PRIMARY KEY,
    task BLOB NOT NULL REFERENCES tasks (id),
    worker TEXT NOT NULL REFERENCES workers (id),
    owner TEXT,
    label TEXT NOT NULL,
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0.0 AND 1.0),
    -- A JSON object from label to probability.
    scores TEXT,
    model INTEGER REFERENCES models (seq),
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    submitted_at INTEGER NOT NULL,
    late INTEGER NOT NULL CHECK (late IN (0, 1))
) STRICT;

-- One answer per worker and task. Serves claim and submit: who has answered a task.
CREATE UNIQUE INDEX votes_by_task ON votes (task, worker);

-- What policies have learned of a worker for a task type: totals for whoever looks at the file, and
-- the whole record as JSON.
CREATE TABLE track_records (
    task_type TEXT NOT NULL,
    worker TEXT NOT NULL REFERENCES workers (id),
    agreements INTEGER NOT NULL CHECK (agreements >= 0),
    disagreements INTEGER NOT NULL CHECK (disagreements >= 0),
    record TEXT NOT NULL,
    PRIMARY KEY (task_type, worker)
) STRICT, WITHOUT ROWID;

-- The same of a task type as a whole.
CREATE TABLE priors (
    task_type TEXT NOT NULL PRIMARY KEY,
    agreements INTEGER NOT NULL CHECK (agreements >= 0),
    disagreements INTEGER NOT NULL CHECK (disagreements >= 0),
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts that would otherwise need a scan, kept up to date by the steps that change them:
-- kind 0: tasks by type and status (key: 0 queued, 1 assigned, 2 finalized, 3 failed)
-- kind 1: tasks with a replica to hand out, by type and wanted votes (key)
-- kind 2: workers that can do the type
-- kind 3: votes that came in time
-- kind 4: workers
CREATE TABLE counters (
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    task_type TEXT NOT NULL,
    "key" INTEGER NOT NULL,
    n INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (kind, task_type, "key")
) STRICT, WITHOUT ROWID;

-- What the store knows of itself: one row.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- When the last round of reaping was; a long gap means that nobody served.
    reaped_at INTEGER
) STRICT;

INSERT INTO meta (one) VALUES (1);

PRAGMA user_version = 1;
