-- Which call a request is, so that the ledger can be asked what became of it. Who has it has it for as
-- long as he lives: no clock takes it away. `status` 0: he died, and the call may have been paid.
ALTER TABLE repeat ADD COLUMN call_id TEXT NOT NULL DEFAULT '';
ALTER TABLE repeat DROP COLUMN until;
