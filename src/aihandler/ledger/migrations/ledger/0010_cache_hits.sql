-- Calls that were answered from the cache: no attempt, no tokens, no money, so no row of `entry`.
-- `source` is the call that was asked, `age_s` before.
CREATE TABLE hit (
    call_id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    age_s REAL NOT NULL,
    task TEXT NOT NULL,
    task_version TEXT NOT NULL,
    deployment TEXT NOT NULL,
    validity TEXT NOT NULL,
    data_class TEXT NOT NULL,
    clearance TEXT NOT NULL,
    tenant TEXT NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX hit_of_source ON hit (source);
