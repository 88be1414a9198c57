-- The digest first, since its CHECK names the salt.
ALTER TABLE inputs DROP COLUMN digest;
ALTER TABLE inputs DROP COLUMN salt;
ALTER TABLE inputs DROP COLUMN tags;
ALTER TABLE inputs DROP COLUMN reference;
ALTER TABLE inputs DROP COLUMN params;

PRAGMA user_version = 4;
