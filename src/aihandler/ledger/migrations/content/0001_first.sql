CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL);

-- How bodies are sealed, and a sealed word that only the right key opens.
CREATE TABLE seal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    cipher TEXT NOT NULL,
    proof BLOB NOT NULL
);

CREATE TABLE exchange (
    entry_id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    request BLOB NOT NULL,
    reply BLOB NOT NULL
);

-- The work key is for forgetting only, which may take its time: no index is kept for it.
CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    work_key BLOB NOT NULL,
    at REAL NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE review (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE example (
    review_id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    body BLOB NOT NULL
);
