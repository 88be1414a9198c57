ALTER TABLE inputs DROP COLUMN salt;
ALTER TABLE inputs DROP COLUMN tags;
ALTER TABLE inputs DROP COLUMN reference;
ALTER TABLE inputs DROP COLUMN params;

PRAGMA user_version = 4;
