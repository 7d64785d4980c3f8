-- Tokens with a price of their own. Entries from before have those of sound in input and output, and
-- those of caches that live for an hour in cache_write_tokens.
ALTER TABLE entry ADD COLUMN cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN audio_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN audio_output_tokens INTEGER NOT NULL DEFAULT 0;

-- What the provider said of itself. `reported_nano` is its own count of what the attempt cost.
ALTER TABLE entry ADD COLUMN tier TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN reported_nano INTEGER;

-- How a schema was asked for: by which means, what of it was enforced (full, partial, none; empty
-- where no schema was sent), and how many of its limits the server was not told.
ALTER TABLE entry ADD COLUMN schema_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN enforced TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;

-- Each model name and fingerprint (`what`) that a deployment has reported, once. `model` is the one
-- that was asked for; `before` is what was reported until then, empty for the first.
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    what TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    call_id TEXT NOT NULL,
    at REAL NOT NULL
);
