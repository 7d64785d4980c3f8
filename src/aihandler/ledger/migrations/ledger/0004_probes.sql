-- What a probe found out of a deployment: the newest for each version of its server and profile.
-- `body` is a Probed as JSON.
CREATE TABLE probe (
    deployment TEXT NOT NULL,
    server TEXT NOT NULL,
    profile TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (deployment, server, profile)
) WITHOUT ROWID;
