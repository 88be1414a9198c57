-- Without digests, which only the market computes, there may be no salts.
UPDATE inputs SET salt = NULL;
ALTER TABLE inputs ADD COLUMN digest BLOB CHECK (length(digest) = 32)
    CHECK ((salt IS NULL) = (digest IS NULL));

PRAGMA user_version = 6;
