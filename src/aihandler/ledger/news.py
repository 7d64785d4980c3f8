"""What a gateway looks for each second: keys and switches, read only after a change."""

import contextlib
import sqlite3
from pathlib import Path

import msgspec

from aihandler.domain.api_key import Switch
from aihandler.ledger import audit, keys
from aihandler.ledger.keys import StoredKey
from aihandler.ledger.store import open_for_reading, storage_errors


class News(msgspec.Struct, frozen=True):
    """All keys, the oldest first, and all that is switched off."""

    keys: tuple[StoredKey, ...]
    switches: tuple[Switch, ...]


class Looking:
    """One worker's looks at one ledger. Raises StorageError, and then looks anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: int | None = None
        self._keys: dict[str, StoredKey] = {}

    def look(self) -> News | None:
        """What holds now; None when nothing was administered since the last look."""
        with (
            storage_errors(self._path),
            contextlib.closing(open_for_reading(self._path, "ledger")) as ledger,
        ):
            # One view of all: a change between two statements would be taken for seen.
            ledger.execute("BEGIN")
            # Each change of a key or a switch writes its row of the audit in its transaction.
            number = audit.last_number(ledger)
            if number == self._seen:
                return None
            told = self._read(ledger)
            self._seen = number
            return told

    def _read(self, ledger: sqlite3.Connection) -> News:
        found = keys.stored_keys(ledger, known=self._keys)
        self._keys = {one.key.prefix: one for one in found}
        return News(tuple(found), tuple(keys.switches(ledger)))
