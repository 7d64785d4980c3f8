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

INSERT INTO usage_day
SELECT CAST(started_at / 86400 AS INTEGER), task, deployment,
       coalesce(nullif(reported_model, ''), model),
       count(*), count(*) FILTER (WHERE reason = 'first'),
       count(*) FILTER (WHERE outcome = 'valid'),
       count(*) FILTER (WHERE outcome IN ('invalid', 'abstained')),
       count(*) FILTER (WHERE outcome = 'in_doubt'),
       count(*) FILTER (WHERE cost_status = 'unpriced'),
       count(*) FILTER (WHERE usage_state = 'estimated'),
       sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens),
       sum(reasoning_tokens), sum(cache_write_1h_tokens), sum(audio_input_tokens),
       sum(audio_output_tokens), sum(marginal_nano), sum(allocated_nano), sum(doubt_nano)
FROM entry WHERE outcome IS NOT NULL GROUP BY 1, 2, 3, 4;

INSERT INTO latency_month
SELECT CAST(strftime('%Y%m', started_at, 'unixepoch') AS INTEGER), task, deployment,
       coalesce(nullif(reported_model, ''), model),
       CASE WHEN latency_ms < 100 THEN CAST(latency_ms AS INTEGER)
            WHEN latency_ms < 1000 THEN CAST(latency_ms / 10 AS INTEGER) * 10
            WHEN latency_ms < 10000 THEN CAST(latency_ms / 100 AS INTEGER) * 100
            WHEN latency_ms < 100000 THEN CAST(latency_ms / 1000 AS INTEGER) * 1000
            ELSE CAST(latency_ms / 10000 AS INTEGER) * 10000 END,
       count(*)
FROM entry WHERE latency_ms IS NOT NULL AND outcome IN ('valid', 'invalid', 'abstained')
GROUP BY 1, 2, 3, 4, 5;
