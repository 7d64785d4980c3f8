-- What a gateway serves by: asked for, then in force or refused. The newest that was not refused counts.
CREATE TABLE configuration (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'in force', 'refused')),
    reason TEXT NOT NULL DEFAULT ''
);
