DROP TABLE events;
ALTER TABLE workers DROP COLUMN stale;

PRAGMA user_version = 3;
