CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL);

-- Answers that are kept for equal requests. `id` is a digest of all that the answer depends on,
-- `call_id` the call that it was made for; `until` is when it is of no more use to anybody.
CREATE TABLE answer (
    id BLOB PRIMARY KEY,
    task TEXT NOT NULL,
    tenant TEXT NOT NULL,
    call_id TEXT NOT NULL,
    at REAL NOT NULL,
    until REAL NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX answer_of_task ON answer (task, at);
CREATE INDEX answer_until ON answer (until);
CREATE INDEX answer_of_call ON answer (call_id);

-- Counted here, so that keeping one more needs no look at all the others.
CREATE TABLE kept (
    task TEXT PRIMARY KEY,
    answers INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER answer_comes AFTER INSERT ON answer BEGIN
    INSERT INTO kept VALUES (new.task, 1, length(new.body))
    ON CONFLICT (task) DO UPDATE SET answers = answers + 1, bytes = bytes + length(new.body);
END;
CREATE TRIGGER answer_leaves AFTER DELETE ON answer BEGIN
    UPDATE kept SET answers = answers - 1, bytes = bytes - length(old.body) WHERE task = old.task;
END;
