-- Sums by day of all that `costs` shows. They take the place of those of schema 7, and are counted
-- out of the entries when a ledger is brought up to date.
DROP TABLE usage_day;
DROP TABLE latency_month;

-- `tag` is empty for sums by task, deployment and so on. For those by the values of one tag
-- (`tag:key`) or of the tenant (`tenant`) these columns are empty, and `value` is the value.
-- `latencies` says how many took how long: MessagePack, of microseconds with two digits that count.
CREATE TABLE usage_day (
    tag TEXT NOT NULL,
    day INTEGER NOT NULL,
    value TEXT NOT NULL,
    task TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    data_class TEXT NOT NULL,
    step TEXT NOT NULL,
    schema_mode TEXT NOT NULL,
    outcome TEXT NOT NULL,
    validity TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    firsts INTEGER NOT NULL,
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
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    reported_nano INTEGER NOT NULL,
    reported_more_nano INTEGER NOT NULL,
    latencies BLOB NOT NULL,
    PRIMARY KEY (tag, day, value, task, deployment, model, data_class, step, schema_mode, outcome,
                 validity)
) WITHOUT ROWID;

-- Attempts beyond the first of a call, so that calls can be told from attempts. `kind` and `value`
-- are a grouping and a group (`deployment`, `vendor`); `before` is the day of the attempt before.
CREATE TABLE call_again (
    kind TEXT NOT NULL,
    day INTEGER NOT NULL,
    value TEXT NOT NULL,
    before INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (kind, day, value, before)
) WITHOUT ROWID;

-- What calls took of machines that are paid by the hour, by the hour in which they began.
CREATE TABLE allocated_hour (
    deployment TEXT NOT NULL,
    hour INTEGER NOT NULL,
    nano INTEGER NOT NULL,
    PRIMARY KEY (deployment, hour)
) WITHOUT ROWID;

-- Entries (JSON, their ids) that have ended and are in no sum yet: thousands are summed at once.
CREATE TABLE unsummed (
    id INTEGER PRIMARY KEY,
    entries TEXT NOT NULL
);
