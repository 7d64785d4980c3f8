"""Which configuration a gateway serves by: changed by compare-and-swap, and told in the audit."""

import sqlite3
from typing import Literal

import msgspec

from aihandler.errors import Refused
from aihandler.ledger import audit
from aihandler.ledger.store import transaction

ChangeState = Literal["asked", "in force", "refused"]

_LAST = """
SELECT id, digest, source, at, who, state, reason FROM configuration
WHERE state <> 'refused' ORDER BY id DESC LIMIT 1
"""
_ONE = "SELECT id, digest, source, at, who, state, reason FROM configuration WHERE id = ?"
_ADD = "INSERT INTO configuration (digest, source, at, who, state) VALUES (?, ?, ?, ?, ?)"
_END = "UPDATE configuration SET state = ?, reason = ? WHERE id = ? AND state = 'asked'"
# A gateway that was killed in the middle of a change has not made it.
_LEFT = (
    "UPDATE configuration SET state = 'refused', reason = 'the gateway ended' WHERE state = 'asked'"
)


class Superseded(Refused):
    """Another configuration is in force than the one that was to be replaced."""

    code = "superseded"


class Change(msgspec.Struct, frozen=True):
    """A configuration by the digest of its content, and what became of it."""

    id: int
    digest: str
    source: str
    at: float
    who: str
    state: ChangeState
    reason: str = ""


def last_change(ledger: sqlite3.Connection) -> Change | None:
    """The newest that was not refused; None where no gateway has served yet."""
    row = ledger.execute(_LAST).fetchone()
    return Change(*row) if row else None


def change(ledger: sqlite3.Connection, number: int) -> Change:
    """One change, as it stands now."""
    return Change(*ledger.execute(_ONE, (number,)).fetchone())


def ask_for(
    ledger: sqlite3.Connection, digest: str, source: str, *, expect: str, who: str, wall: float
) -> Change:
    """Asks the gateway to serve by another configuration, if `expect` is still the one in force.

    Raises Superseded.
    """
    with transaction(ledger):
        last = last_change(ledger)
        if last is None or last.digest != expect or last.state != "in force":
            found = f"{last.digest} is {last.state}" if last else "none is in force"
            raise Superseded(
                f"configuration {expect} was to be replaced, but {found}",
                hint="look at what the other change was, and apply yours again",
            )
        return _added(ledger, digest, source, "asked", who=who, wall=wall)


def begin_with(
    ledger: sqlite3.Connection, digest: str, source: str, *, who: str, wall: float
) -> Change:
    """A gateway starts with this configuration."""
    with transaction(ledger):
        ledger.execute(_LEFT)
        return _added(ledger, digest, source, "in force", who=who, wall=wall)


def end_change(
    ledger: sqlite3.Connection, asked: Change, state: ChangeState, reason: str, *, wall: float
) -> None:
    """What became of a change that was asked for."""
    with transaction(ledger):
        ledger.execute(_END, (state, reason, asked.id))
        told = {"digest": asked.digest, "state": state, "reason": reason}
        audit.append(ledger, "apply", told, who="gateway", wall=wall)


def _added(
    ledger: sqlite3.Connection,
    digest: str,
    source: str,
    state: ChangeState,
    *,
    who: str,
    wall: float,
) -> Change:
    number = ledger.execute(_ADD, (digest, source, wall, who, state)).lastrowid
    assert number is not None
    action = "apply" if state == "asked" else "serve"
    audit.append(ledger, action, {"digest": digest, "source": source}, who=who, wall=wall)
    return Change(number, digest, source, wall, who, state)
