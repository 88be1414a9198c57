-- What happens, as a log that can be followed.

-- Each row holds the events of one transaction, or a part of them: events are written and dropped
-- by the hundred, and are read from a place on, so a row of its own for each would cost the steps
-- that they tell of more than the telling is worth.
CREATE TABLE events (
    -- The place of the first one; the others follow it without gaps.
    first INTEGER PRIMARY KEY,
    n INTEGER NOT NULL CHECK (n >= 1),
    -- A JSON array of objects with `id`, `at`, `event` and what else there is to tell, compressed (LZ4
    -- block after its length as four bytes, least significant first): objects of one row are much
    -- alike, and what is not written need not be synced.
    events BLOB NOT NULL
) STRICT;

-- Declared stale, and not heard of since.
ALTER TABLE workers ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));

PRAGMA user_version = 4;
