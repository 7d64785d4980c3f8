-- Nothing was ever written to these two: no earlier version had budgets.
DROP TABLE lease;
DROP TABLE budget;

-- Money of one scope (`all`, `key:…`, `team:…`, `user:…`, `task:…`, `deployment:…`) in one period
-- (`2026-11-21`, `2026-W47`, `2026-11`, `total`). `leased_nano` is what processes hold and have not
-- spent: their reservations, and what they hold for the next ones.
CREATE TABLE budget (
    scope TEXT NOT NULL,
    period TEXT NOT NULL,
    limit_nano INTEGER NOT NULL,
    spent_nano INTEGER NOT NULL DEFAULT 0 CHECK (spent_nano >= 0),
    leased_nano INTEGER NOT NULL DEFAULT 0 CHECK (leased_nano >= 0),
    PRIMARY KEY (scope, period)
) WITHOUT ROWID;

-- No statement, of whichever process, can lease what the limit does not hold.
CREATE TRIGGER lease_within_limit BEFORE UPDATE OF leased_nano ON budget
WHEN NEW.leased_nano > OLD.leased_nano AND NEW.spent_nano + NEW.leased_nano > NEW.limit_nano
BEGIN
    SELECT RAISE(ABORT, 'a lease beyond the limit of its budget');
END;

-- What one process was granted of a budget; `used_nano` of it is spent.
CREATE TABLE lease (
    holder TEXT NOT NULL,
    scope TEXT NOT NULL,
    period TEXT NOT NULL,
    granted_nano INTEGER NOT NULL DEFAULT 0,
    used_nano INTEGER NOT NULL DEFAULT 0 CHECK (used_nano BETWEEN 0 AND granted_nano),
    PRIMARY KEY (holder, scope, period)
) WITHOUT ROWID;

-- What budgets held for the attempt (a Held as JSON), so that doubt is booked there too; empty
-- where none applied.
ALTER TABLE entry ADD COLUMN held TEXT NOT NULL DEFAULT '';
