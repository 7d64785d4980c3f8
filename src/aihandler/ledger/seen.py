"""Says of most keys that the ledger does not have that it does not, without asking the file."""

import sqlite3

_DECIDED = "SELECT id, key FROM work WHERE id <= ? ORDER BY id DESC"
_WORK = "SELECT id, key FROM work WHERE id > ? ORDER BY id LIMIT 64"
_ENTRIES = "SELECT id, key FROM entry WHERE id > ? ORDER BY id LIMIT 64"
# 4 MiB. Two million keys set a sixteenth of the bits; beyond that more questions go to the file.
_BITS = 25


class Seen:
    """One bit for each beginning of a key: a bit that is not set means that no such key is there.

    Most keys of a run are new, and a look into the file costs more than all the rest of asking
    for them, because it hands the interpreter to the thread that writes. What the file held
    before is read a few keys at a time, so that no caller waits long.
    """

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader
        self._bits = bytearray(1 << (_BITS - 3))
        # What people decide is counted down from zero, so it lies before all that a run writes.
        self._decided_last = (-1, b"")
        self._unread = {_WORK: 0, _ENTRIES: 0}

    def add(self, key: bytes) -> None:
        """From here on the key may be there."""
        place = _place(key)
        self._bits[place >> 3] |= 1 << (place & 7)

    def lacks(self, key: bytes) -> bool:
        """True when the key is certainly not in the ledger."""
        if self._unread:
            self._read_on()
            return False
        place = _place(key)
        return not self._bits[place >> 3] >> (place & 7) & 1

    def look_again(self) -> None:
        """Learns what people decided meanwhile, from wherever they did."""
        decided = self._decided(self._decided_last[0])
        if self._decided_last not in decided[:1]:
            # That one was forgotten, and its number may have been given again.
            decided = self._decided(-1)
        for _, key in decided:
            self.add(key)
        self._decided_last = decided[-1] if decided else (-1, b"")

    def _decided(self, number: int) -> list[tuple[int, bytes]]:
        return self._reader.execute(_DECIDED, (number,)).fetchall()

    def _read_on(self) -> None:
        for statement, last in tuple(self._unread.items()):
            page = self._reader.execute(statement, (last,)).fetchall()
            for _, key in page:
                self.add(key)
            if page:
                self._unread[statement] = page[-1][0]
            else:
                del self._unread[statement]


def _place(key: bytes) -> int:
    # A key is a digest: its first bits are as good as any.
    return int.from_bytes(key[:4], "big") >> (32 - _BITS)
