-- A claim can be repeated.

-- What the worker called the claim that the lease came from.
ALTER TABLE leases ADD COLUMN request TEXT;

PRAGMA user_version = 10;
