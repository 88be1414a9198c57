ALTER TABLE leases DROP COLUMN request;

PRAGMA user_version = 9;
