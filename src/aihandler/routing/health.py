"""Deployments that keep failing are set aside for a while."""

from collections.abc import Mapping

import msgspec

from aihandler.domain.attempt import Snapshot
from aihandler.domain.ports import Clock
from aihandler.errors import BackendError, BackendUnavailable

__all__ = ["Health"]


class Health:
    """Counts failures in a row, for each deployment.

    After `after` of them the deployment is set aside for `base_s` seconds. Then it is asked
    again: a success clears it, the next failure sets it aside for twice as long, up to `cap_s`.
    """

    def __init__(
        self, clock: Clock, *, after: int = 5, base_s: float = 30.0, cap_s: float = 600.0
    ) -> None:
        self._clock = clock
        self._after = after
        self._base_s = base_s
        self._cap_s = cap_s
        self._spells: dict[str, _Spell] = {}

    def note(self, deployment: str, error: BackendError | None) -> None:
        """Takes note of an attempt: its error, or None when the deployment answered.

        A rejected request says nothing about health: the server was there to reject it.
        """
        if not isinstance(error, BackendUnavailable):
            self._spells.pop(deployment, None)
            return
        spell = self._spells.get(deployment, _Spell())
        now = self._clock.monotonic()
        # Attempts that were on their way when it was set aside are of the same outage.
        if now < spell.until:
            return
        failures = spell.failures + 1
        if failures < self._after:
            self._spells[deployment] = _Spell(failures, now, spell.times)
            return
        pause_s = min(self._cap_s, self._base_s * 2.0 ** min(spell.times, 30))
        # One failure more is enough next time: only a success starts the count afresh.
        self._spells[deployment] = _Spell(self._after - 1, now + pause_s, spell.times + 1)

    def set_aside(self) -> Mapping[str, str]:
        """The deployments that are set aside at this moment, and why."""
        now = self._clock.monotonic()
        return {
            name: f"failed {self._after} times in a row or more; "
            f"asked again in {spell.until - now:.0f} s"
            for name, spell in self._spells.items()
            if spell.until > now
        }

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with what is set aside; `order` still keeps the last candidate."""
        aside = self.set_aside()
        if not aside:
            return snapshot
        return msgspec.structs.replace(snapshot, set_aside={**snapshot.set_aside, **aside})


class _Spell(msgspec.Struct, frozen=True):
    failures: int = 0
    until: float = float("-inf")
    times: int = 0
