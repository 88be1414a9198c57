-- What happens, as a log that can be followed.

-- Each row holds the events of one transaction, or a part of them: events are written and dropped
-- by the hundred, and are read from a place on, so a row of its own for each would cost the steps
-- that they tell of more than the telling is worth.
CREATE TABLE events (
    -- The place of the first one; the others follow it without gaps.
    first INTEGER PRIMARY KEY,
    n INTEGER NOT NULL CHECK (n >= 1),
    -- In a form of their own (src/data/events), a sixth of what JSON would take to write and to sync.
    events BLOB NOT NULL
) STRICT;

-- Declared stale, and not heard of since.
ALTER TABLE workers ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));

PRAGMA user_version = 4;
