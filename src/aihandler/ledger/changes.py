"""Notices that a deployment reports another model, or fingerprint: vendors change models silently.

The writing thread looks at every settlement, so the usual case is one comparison in memory.
"""

import logging
import sqlite3
from collections.abc import Iterable

import msgspec

from aihandler.domain.ports import Intent, Settlement

KEEP_CHANGES = """
INSERT INTO change (deployment, model, what, before, after, call_id, at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KNOWN = "SELECT deployment, model, what, after FROM change ORDER BY id"
_CHANGES = """
SELECT deployment, model, what, before, after, call_id, at FROM change
WHERE before <> '' AND (:since IS NULL OR at >= :since) AND (:call IS NULL OR call_id = :call)
ORDER BY id
"""
# A server whose mark is another one with every reply says nothing by it.
MAX_KNOWN = 50
WHAT = ("model", "fingerprint")

_log = logging.getLogger("aihandler.ledger")


class ChangeRecord(msgspec.Struct, frozen=True):
    """A deployment reported `after`, which it never had; until then it was `before`.

    `what` is model or fingerprint, `model` the one that was asked for; `call_id` is the first call
    that was answered so, `at` when it was asked. `before` is empty for what it reported first.
    """

    deployment: str
    model: str
    what: str
    before: str
    after: str
    call_id: str
    at: float

    def __str__(self) -> str:
        return f"{self.deployment!r} reports {self.what} {self.after!r}, before {self.before!r}"


class Reported:
    """What each deployment has reported of itself. A return to what is known is no change:
    some servers take turns between several fingerprints.
    """

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._last: dict[tuple[str, str], tuple[str, str]] = {}
        self._known: dict[tuple[str, str, str], list[str]] = {}
        for deployment, model, what, after in ledger.execute(_KNOWN):
            self._known.setdefault((deployment, model, what), []).append(after)

    def look(self, intent: Intent, settlement: Settlement) -> list[ChangeRecord]:
        """What is reported for the first time: usually nothing."""
        said = (settlement.reported_model, settlement.fingerprint)
        place = (intent.deployment, intent.model)
        last = self._last.get(place, ("", ""))
        if said == last or not any(said) or said == (intent.model, ""):
            return []
        # What a reply leaves out stays as it was.
        self._last[place] = (said[0] or last[0], said[1] or last[1])
        found: list[ChangeRecord] = []
        for what, before, after in zip(WHAT, last, said, strict=True):
            known = self._known.setdefault((*place, what), [])
            if after and after not in known and len(known) < MAX_KNOWN:
                until_now = before or (known[-1] if known else "")
                known.append(after)
                whence = (intent.call_id, intent.started_at)
                found.append(ChangeRecord(*place, what, until_now, after, *whence))
        return found


def warn(found: Iterable[ChangeRecord]) -> None:
    """One warning for each change; not for what a deployment reports first."""
    for change in found:
        if change.before:
            _log.warning("%s: its answers may differ (first in call %s)", change, change.call_id)


def changes(
    ledger: sqlite3.Connection, *, since: float | None = None, call_id: str | None = None
) -> list[ChangeRecord]:
    """What changed, oldest first."""
    return [
        ChangeRecord(*row) for row in ledger.execute(_CHANGES, {"since": since, "call": call_id})
    ]
