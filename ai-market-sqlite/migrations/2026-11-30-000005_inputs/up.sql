-- More of what a client says of a task. Like the text, it never changes, and no claim or vote reads it.

-- A JSON object in canonical form.
ALTER TABLE inputs ADD COLUMN params TEXT;
ALTER TABLE inputs ADD COLUMN reference TEXT;
-- A JSON array of tags, sorted; NULL where there is none.
ALTER TABLE inputs ADD COLUMN tags TEXT;

-- The salted SHA-256 of task type, text and params, which outlives the text. Tasks of earlier versions
-- have none.
ALTER TABLE inputs ADD COLUMN salt BLOB CHECK (length(salt) = 16);
ALTER TABLE inputs ADD COLUMN digest BLOB CHECK (length(digest) = 32)
    CHECK ((salt IS NULL) = (digest IS NULL));

PRAGMA user_version = 5;
