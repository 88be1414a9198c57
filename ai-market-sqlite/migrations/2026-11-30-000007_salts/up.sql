-- The digest of an input is computed from its salt.
ALTER TABLE inputs DROP COLUMN digest;

PRAGMA user_version = 7;
