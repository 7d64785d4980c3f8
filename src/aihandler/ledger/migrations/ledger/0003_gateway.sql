-- Which records of each worker's spool are in the ledger; written with them, so that each is once.
CREATE TABLE spool (
    name TEXT PRIMARY KEY,
    taken INTEGER NOT NULL
) WITHOUT ROWID;

-- Keys of clients. `digest` is an HMAC of the whole key; the key itself is nowhere. `body` is what
-- the key may do, as JSON.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    prefix TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL
) WITHOUT ROWID;

-- What is switched off: everything (kind `all`), a provider, deployment, model, task, key or class.
CREATE TABLE switch (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

-- Money of one scope (`key:…`, `task:…`, `deployment:…`, `team:…`) in one period. `leased` is what
-- workers hold; spent + leased never passes the limit.
CREATE TABLE budget (
    scope TEXT NOT NULL,
    period TEXT NOT NULL,
    spent_nano INTEGER NOT NULL DEFAULT 0,
    leased_nano INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, period)
) WITHOUT ROWID;

-- What one worker holds of a budget; `used_nano` of it has been spent.
CREATE TABLE lease (
    holder TEXT NOT NULL,
    scope TEXT NOT NULL,
    period TEXT NOT NULL,
    granted_nano INTEGER NOT NULL DEFAULT 0,
    used_nano INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (holder, scope, period)
) WITHOUT ROWID;

-- Administrative actions. `digest` is a hash of the row before and of this one.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    body TEXT NOT NULL,
    digest BLOB NOT NULL
);
