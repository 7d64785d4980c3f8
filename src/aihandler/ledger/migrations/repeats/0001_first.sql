CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL);

-- A request that its client may send again. `id` names client and key, `asked` is a digest of what
-- was asked. While it is under way `owner` has it until `until`; then `status` is there, and
-- `reply` is the answer as it was sent, NULL where answers are not kept.
CREATE TABLE repeat (
    id BLOB PRIMARY KEY,
    asked BLOB NOT NULL,
    at REAL NOT NULL,
    owner TEXT NOT NULL,
    until REAL NOT NULL,
    status INTEGER,
    reply BLOB
) WITHOUT ROWID;
CREATE INDEX repeat_at ON repeat (at);
