-- Who looked at the request of an entry, and what that changed: JSON, or empty where nobody did.
ALTER TABLE entry ADD COLUMN inspections TEXT NOT NULL DEFAULT '';
