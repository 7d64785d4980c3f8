-- What comparisons on labelled data have shown. `findings` is JSON; it holds figures and names of
-- items, and no text of any of them.
CREATE TABLE comparison (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    task TEXT NOT NULL,
    task_version TEXT NOT NULL,
    dataset TEXT NOT NULL,
    digest TEXT NOT NULL,
    scorer TEXT NOT NULL,
    repeats INTEGER NOT NULL,
    stopped TEXT NOT NULL,
    findings TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX comparison_of_task ON comparison (task, at);

-- `verdict` is against the first deployment of the comparison, which is `baseline`.
CREATE TABLE compared (
    comparison TEXT NOT NULL,
    place INTEGER NOT NULL,
    deployment TEXT NOT NULL,
    identity TEXT NOT NULL,
    n INTEGER NOT NULL,
    score REAL NOT NULL,
    low REAL,
    high REAL,
    cost_nano INTEGER,
    latency_ms REAL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (comparison, place)
) WITHOUT ROWID;
