"""Keeps the verdicts of probes, by deployment, server version and profile."""

import sqlite3

import msgspec

from aihandler.domain.probes import Probed
from aihandler.ledger.store import transaction

_KEEP = """
INSERT INTO probe (deployment, server, profile, at, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (deployment, server, profile) DO UPDATE SET at = excluded.at, body = excluded.body
"""
_NEWEST = "SELECT body FROM probe ORDER BY at"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Probed).decode


def keep(ledger: sqlite3.Connection, probed: Probed) -> None:
    """Stores it, in place of an earlier one of the same server version and profile."""
    server = f"{probed.server} {probed.server.details}".strip()
    body = _encode(probed).decode()
    row = (probed.deployment, server, probed.profile, probed.at, body)
    with transaction(ledger):
        ledger.execute(_KEEP, row)


def newest(ledger: sqlite3.Connection) -> dict[str, Probed]:
    """The newest of each deployment, whatever its server has become since."""
    found: dict[str, Probed] = {}
    for (body,) in ledger.execute(_NEWEST):
        try:
            probed = _decode(body)
        except msgspec.DecodeError:
            # Of a program that knows other words: it is asked for again, not guessed.
            continue
        found[probed.deployment] = probed
    return found
