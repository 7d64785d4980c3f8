"""Keys, switches and the audit of one ledger, from beside: also while a gateway writes it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aihandler.domain.api_key import ApiKey, AuditRow, Switch, SwitchKind
from aihandler.domain.ports import Clock
from aihandler.ledger import audit, configurations, keys
from aihandler.ledger.configurations import Change, ChangeState
from aihandler.ledger.keys import Ends, Entropy, StoredKey
from aihandler.ledger.store import open_beside, storage_errors


class Administration:
    """Each method is one short transaction. Raises StorageError, InputError."""

    def __init__(self, path: Path, *, clock: Clock, who: str) -> None:
        self._path = path
        self._clock = clock
        self._who = who

    def create_key(self, key: ApiKey, *, pepper: bytes, entropy: Entropy) -> tuple[ApiKey, str]:
        """The key as it is stored, and its secret, which is told this once."""
        token, prefix = keys.new_token(entropy)
        made = _named_by(key, prefix, self._clock.wall())
        with self._open() as ledger:
            keys.create(ledger, made, pepper=pepper, token=token, who=self._who)
        return made, token

    def rotate_key(
        self,
        name: str,
        *,
        pepper: bytes,
        entropy: Entropy,
        overlap_s: float,
        expires_at: float | None = None,
    ) -> tuple[ApiKey, str]:
        """The new key and its secret; the old one opens for `overlap_s` more. The new one ends when
        the old would have, or at `expires_at`."""
        new, wall = keys.new_token(entropy), self._clock.wall()
        with self._open() as ledger:
            key = keys.rotate(
                ledger,
                name,
                new=new,
                pepper=pepper,
                ends=Ends(wall + overlap_s, expires_at),
                who=self._who,
                wall=wall,
            )
        return key, new[0]

    def revoke_key(self, name: str) -> ApiKey:
        """The key that opens nothing from now on."""
        with self._open() as ledger:
            return keys.revoke(ledger, name, who=self._who, wall=self._clock.wall())

    def keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        with self._open() as ledger:
            return keys.list_keys(ledger)

    def stored_keys(self) -> list[StoredKey]:
        """All keys, with what is compared."""
        with self._open() as ledger:
            return keys.stored_keys(ledger)

    def switch_off(self, kind: SwitchKind, name: str, reason: str) -> Switch:
        """Switches something off."""
        switch = Switch(kind, name, reason, self._who, self._clock.wall())
        with self._open() as ledger:
            keys.switch_off(ledger, switch)
        return switch

    def switch_on(self, kind: SwitchKind, name: str) -> bool:
        """Switches it on again; False when it was not off."""
        with self._open() as ledger:
            return keys.switch_on(ledger, kind, name, who=self._who, wall=self._clock.wall())

    def switches(self) -> list[Switch]:
        """All that is switched off."""
        with self._open() as ledger:
            return keys.switches(ledger)

    def last_configuration(self) -> Change | None:
        """What a gateway serves by, or is asked to."""
        with self._open() as ledger:
            return configurations.last_change(ledger)

    def configuration_change(self, number: int) -> Change:
        """What became of a change."""
        with self._open() as ledger:
            return configurations.change(ledger, number)

    def apply_configuration(self, digest: str, source: str, *, expect: str) -> Change:
        """Asks for another configuration. Raises Superseded."""
        with self._open() as ledger:
            return configurations.ask_for(
                ledger, digest, source, expect=expect, who=self._who, wall=self._clock.wall()
            )

    def begin_configuration(self, digest: str, source: str) -> Change:
        """A gateway starts with this one."""
        with self._open() as ledger:
            return configurations.begin_with(
                ledger, digest, source, who=self._who, wall=self._clock.wall()
            )

    def end_configuration(self, asked: Change, state: ChangeState, reason: str = "") -> None:
        """Says what became of a change."""
        with self._open() as ledger:
            configurations.end_change(ledger, asked, state, reason, wall=self._clock.wall())

    def audit_rows(self) -> list[AuditRow]:
        """All administrative actions."""
        with self._open() as ledger:
            return list(audit.rows(ledger))

    def first_wrong_row(self) -> int | None:
        """The first row of the audit that is not what was written; None when all are."""
        with self._open() as ledger:
            return audit.first_wrong(ledger)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with (
            storage_errors(self._path),
            contextlib.closing(open_beside(self._path, "ledger")) as ledger,
        ):
            yield ledger


def _named_by(key: ApiKey, prefix: str, wall: float) -> ApiKey:
    return msgspec.structs.replace(key, id=prefix, prefix=prefix, created_at=wall)
