"""What a process that died left behind: attempts of which nobody knows whether they were paid."""

import sqlite3

import msgspec

from aihandler.domain.usage import NANO
from aihandler.ledger import sums
from aihandler.ledger.budgets import recover_budgets
from aihandler.ledger.store import transaction

# The sent mark rides with the next commit, so an intent without one may have been sent as well.
# What costs nothing cannot be paid twice: it is in doubt, and not counted here. What budgets held
# for an attempt is a bound of its cost, and spent until its end is known.
_COUNT = """
SELECT count(*) FILTER (WHERE expected_nano IS NULL OR expected_nano > 0),
       coalesce(sum(CASE WHEN held = '' THEN expected_nano
           ELSE json_extract(held, '$[1]') END), 0),
       count(*) FILTER (WHERE expected_nano IS NULL),
       count(*)
FROM entry WHERE state IN ('intent', 'sent')
"""
_BOOK_DOUBT = """
UPDATE entry SET
    state = 'in_doubt', outcome = 'in_doubt', error_code = 'process_died',
    doubt_nano = CASE WHEN held = '' THEN coalesce(expected_nano, 0)
        ELSE json_extract(held, '$[1]') END,
    cost_status = CASE WHEN expected_nano IS NULL THEN 'unpriced' ELSE 'priced' END
WHERE state IN ('intent', 'sent')
"""
_OPEN = "SELECT id FROM entry WHERE state IN ('intent', 'sent')"
_STOP_RUNS = "UPDATE run SET state = 'died', ended_at = ? WHERE state = 'running'"


class Recovery(msgspec.Struct, frozen=True):
    """What may have been paid twice: at most `calls` calls, `nano` nano-dollars.

    `unpriced` of the calls have no known price; `free` more were in doubt and cost nothing.
    """

    calls: int = 0
    nano: int = 0
    unpriced: int = 0
    free: int = 0

    def __str__(self) -> str:
        price = f"${self.nano / NANO:.4f}"
        if self.unpriced:
            price += f" and {self.unpriced} of unknown price"
        return f"at most {self.calls} calls, {price}, may have been paid twice"


def recover(ledger: sqlite3.Connection, *, wall: float) -> Recovery:
    """Books doubt. Call it while holding the lock: then no open entry belongs to a live process."""
    calls, nano, unpriced, every = ledger.execute(_COUNT).fetchone()
    with transaction(ledger):
        open_entries = [int(row[0]) for row in ledger.execute(_OPEN)]
        recover_budgets(ledger)
        ledger.execute(_BOOK_DOUBT)
        sums.note(ledger, open_entries)
        ledger.execute(_STOP_RUNS, (wall,))
    return Recovery(calls, nano, unpriced, free=every - calls)
