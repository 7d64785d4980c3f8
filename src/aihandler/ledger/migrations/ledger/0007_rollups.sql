-- Sums of entries that have ended, by the day on which they began (days since 1970, UTC). Kept in
-- the transactions that end entries, so that they are always what a recount would give.
CREATE TABLE usage_day (
    day INTEGER NOT NULL,
    task TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    valid INTEGER NOT NULL,
    not_valid INTEGER NOT NULL,
    in_doubt INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    audio_input_tokens INTEGER NOT NULL,
    audio_output_tokens INTEGER NOT NULL,
    marginal_nano INTEGER NOT NULL,
    allocated_nano INTEGER NOT NULL,
    doubt_nano INTEGER NOT NULL,
    PRIMARY KEY (day, task, deployment, model)
) WITHOUT ROWID;

-- How many answers took how long, by month (`202611`). `bucket_ms` has two digits that count.
CREATE TABLE latency_month (
    month INTEGER NOT NULL,
    task TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    bucket_ms INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    PRIMARY KEY (month, task, deployment, model, bucket_ms)
) WITHOUT ROWID;

-- Schema 11 has other sums in their place, and counts them out of the entries.
