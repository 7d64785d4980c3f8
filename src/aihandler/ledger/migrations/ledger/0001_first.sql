CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL);

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    configuration TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    state TEXT NOT NULL,
    -- Entries of this run have ids from here on, so that one run is read without an index.
    first_entry INTEGER NOT NULL
) WITHOUT ROWID;

-- One row per attempt. Money is whole nano-dollars; texts of documents and answers are not here.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    call_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    step TEXT NOT NULL,
    tenant TEXT NOT NULL,
    tags TEXT NOT NULL,
    task TEXT NOT NULL,
    task_version TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    reason TEXT NOT NULL,
    data_class TEXT NOT NULL,
    clearance TEXT NOT NULL,
    expected_nano INTEGER,
    request_chars INTEGER NOT NULL,
    started_at REAL NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT,
    validity TEXT,
    confidence REAL,
    usage_state TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    marginal_nano INTEGER NOT NULL DEFAULT 0,
    allocated_nano INTEGER NOT NULL DEFAULT 0,
    doubt_nano INTEGER NOT NULL DEFAULT 0,
    cost_status TEXT,
    price_snapshot TEXT NOT NULL DEFAULT '',
    latency_ms REAL,
    first_byte_ms REAL,
    error_code TEXT NOT NULL DEFAULT '',
    problems TEXT NOT NULL DEFAULT '[]',
    http_status INTEGER,
    reported_model TEXT NOT NULL DEFAULT '',
    request_id TEXT NOT NULL DEFAULT '',
    reply_chars INTEGER NOT NULL DEFAULT 0,
    reply_hash BLOB,
    reusable INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entry_of_call ON entry (call_id);
CREATE INDEX entry_of_document ON entry (document_id) WHERE document_id <> '';
CREATE INDEX entry_reusable ON entry (key) WHERE reusable = 1;
CREATE INDEX entry_open ON entry (id) WHERE state IN ('intent', 'sent');

-- `id` names the answer in the content file. Rows are appended, and only the small index is hit at
-- random places: that halves what a commit writes.
CREATE TABLE work (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    version BLOB NOT NULL,
    run_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    step TEXT NOT NULL,
    call_id TEXT NOT NULL,
    accepted_at REAL NOT NULL
);

-- `steps` is JSON: what became of each step, and the work key that its answer is found under.
CREATE TABLE document (
    run_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    data_class TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    steps TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE INDEX document_by_id ON document (id);

CREATE TABLE review (
    id TEXT PRIMARY KEY,
    work_key BLOB NOT NULL,
    task TEXT NOT NULL,
    data_class TEXT NOT NULL,
    run_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    step TEXT NOT NULL,
    tenant TEXT NOT NULL,
    created_at REAL NOT NULL,
    decided_at REAL,
    state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX review_open ON review (created_at) WHERE state = 'open';
CREATE INDEX review_of_work ON review (work_key);

CREATE TABLE example (
    review_id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    data_class TEXT NOT NULL,
    document_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    created_at REAL NOT NULL
) WITHOUT ROWID;

-- `hour` counts from 1970; one row for each hour in which a machine paid by the hour was used.
CREATE TABLE capacity (
    deployment TEXT NOT NULL,
    hour INTEGER NOT NULL,
    nano INTEGER NOT NULL,
    PRIMARY KEY (deployment, hour)
) WITHOUT ROWID;

CREATE TABLE price_snapshot (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE clearance (
    fingerprint TEXT PRIMARY KEY,
    data_class TEXT NOT NULL,
    deployments TEXT NOT NULL
) WITHOUT ROWID;
