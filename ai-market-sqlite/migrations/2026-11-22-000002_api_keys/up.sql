-- Who may use the market. A key is 160 random bits, of which only the SHA-256 is here. Rows are few
-- and are looked up by id, so the table is its own index; any process may write them at any time.
CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 10),
    role TEXT NOT NULL CHECK (role IN ('admin', 'client', 'worker')),
    -- The one worker that a worker key acts as, which need not have registered yet.
    worker TEXT,
    owner TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    -- The id of the key that took its place.
    replaced_by BLOB CHECK (replaced_by IS NULL OR (length(replaced_by) = 10 AND replaced_by <> id)),
    CHECK ((role = 'worker') = (worker IS NOT NULL))
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
