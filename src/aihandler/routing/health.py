"""Deployments that keep failing are ejected for a while; names and defaults are Envoy's."""

from collections.abc import Mapping

import msgspec

from aihandler.config.configuration import HealthSettings
from aihandler.domain.attempt import Snapshot
from aihandler.domain.ports import Clock
from aihandler.errors import BackendError, BackendUnavailable

__all__ = ["Health"]

# What a gateway before the server says when it cannot reach it.
_GATEWAY_STATUSES = frozenset({502, 503, 504})
# "Later" is not "broken": such a server is neither well nor ill.
_LATER_STATUSES = frozenset({408, 425, 429})
# For each such time without an ejection the next one is shorter by one base time.
_FORGIVEN_EVERY_S = 10.0


class Health:
    """Counts failures in a row, for each deployment.

    After `consecutive_5xx` of any kind, or `consecutive_gateway_failure` of those where nobody
    answered, the deployment is ejected for `base_ejection_time_s`, times the number of ejections,
    `max_ejection_time_s` at most. Then it is asked again: a success starts the count afresh, the
    next failure ejects it again.
    """

    def __init__(self, clock: Clock, settings: HealthSettings = HealthSettings()) -> None:  # noqa: B008 - frozen
        self._clock = clock
        self._settings = settings
        self._spells: dict[str, _Spell] = {}

    def note(self, deployment: str, error: BackendError | None) -> None:
        """Takes note of an attempt: its error, or None when the deployment answered.

        Connections that fail, stalls, silence and 5xx count. A rejected request says that the
        server was there to reject it; a 429 says nothing.
        """
        spell = self._spells.get(deployment)
        if not isinstance(error, BackendUnavailable):
            if spell is not None:
                self._spells[deployment] = msgspec.structs.replace(spell, failures=0, unreached=0)
            return
        if error.status in _LATER_STATUSES:
            return
        now = self._clock.monotonic()
        spell = spell or _Spell()
        # Attempts that were on their way when it was ejected are of the same outage.
        if now >= spell.until:
            gone = error.status is None or error.status in _GATEWAY_STATUSES
            self._spells[deployment] = self._after(spell, now, gone=gone)

    def set_aside(self) -> Mapping[str, str]:
        """The deployments that are ejected at this moment, and why."""
        now = self._clock.monotonic()
        return {
            name: f"keeps failing; asked again in {spell.until - now:.0f} s"
            for name, spell in self._spells.items()
            if spell.until > now
        }

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with what is ejected; `order` decides how much of it is left out."""
        aside = self.set_aside()
        if not aside:
            return snapshot
        return msgspec.structs.replace(
            snapshot,
            set_aside={**snapshot.set_aside, **aside},
            max_ejection_percent=self._settings.max_ejection_percent,
        )

    def _after(self, spell: "_Spell", now: float, *, gone: bool) -> "_Spell":
        known = self._settings
        failures, unreached = spell.failures + 1, spell.unreached + 1 if gone else 0
        enough = failures >= known.consecutive_5xx
        if not enough and unreached < known.consecutive_gateway_failure:
            return _Spell(failures, unreached, spell.until, spell.times)
        forgiven = 0.0 if not spell.times else (now - spell.until) // _FORGIVEN_EVERY_S
        times = max(0, spell.times - int(forgiven)) + 1
        pause_s = min(
            known.base_ejection_time_s * times,
            max(known.max_ejection_time_s, known.base_ejection_time_s),
        )
        # One failure more is enough next time: only a success starts the count afresh.
        return _Spell(known.consecutive_5xx - 1, 0, now + pause_s, times)


class _Spell(msgspec.Struct, frozen=True):
    failures: int = 0
    unreached: int = 0
    until: float = float("-inf")
    times: int = 0
