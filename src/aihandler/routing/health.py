"""Deployments that keep failing are ejected for a while; names and defaults are Envoy's.

What is known is on a board, so that all workers of a gateway count together: failures in a row are
those of all of them since the last answer that any of them had, and an ejection holds for all.
"""

from collections.abc import Iterable, Mapping

import msgspec

from aihandler.config.configuration import HealthSettings
from aihandler.domain.attempt import Snapshot
from aihandler.domain.board import HEALTH, Alone, Board, Numbers, Row, health_of
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Clock
from aihandler.errors import BackendError, BackendUnavailable

__all__ = ["EJECTED_UNTIL", "EJECTIONS", "Health"]

# What a gateway before the server says when it cannot reach it.
_GATEWAY_STATUSES = frozenset({502, 503, 504})
# "Later" is not "broken": such a server is neither well nor ill.
_LATER_STATUSES = frozenset({408, 425, 429})
# For each such time without an ejection the next one is shorter by one base time.
_FORGIVEN_EVERY_S = 10.0

# The cells of a deployment's row: what one process has seen. Moments are nanoseconds, 0 is never.
_ANSWERED_AT, _FAILURES, _FAILED_AT, _REACHED_AT, _UNREACHED, _UNREACHED_AT = range(6)
_EJECTED_AT, EJECTED_UNTIL, _TIMES, _AGAIN, EJECTIONS = range(6, 11)


class Health:
    """Counts failures in a row, for each deployment.

    After `consecutive_5xx` of any kind, or `consecutive_gateway_failure` of those where nobody
    answered, the deployment is ejected for `base_ejection_time_s`, times the number of ejections,
    `max_ejection_time_s` at most. Then it is asked again: a success starts the count afresh, the
    next failure ejects it again.
    """

    def __init__(
        self,
        clock: Clock,
        settings: HealthSettings = HealthSettings(),  # noqa: B008 - frozen
        *,
        board: Board | None = None,
        deployments: Iterable[Deployment] = (),
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._board = board or Alone()
        # Until when any deployment is ejected: one look for those that are all well.
        self._any = self._board.numbers(HEALTH)
        self._known = {d.name: self._board.numbers(health_of(d)) for d in deployments}

    def note(self, deployment: str, error: BackendError | None) -> None:
        """Takes note of an attempt: its error, or None when the deployment answered.

        Connections that fail, stalls, silence and 5xx count. A rejected request says that the
        server was there to reject it; a 429 says nothing.
        """
        known = self._known.get(deployment)
        if known is None:
            known = self._known[deployment] = self._board.numbers(deployment)
        now = _moment(self._clock.monotonic())
        if not isinstance(error, BackendUnavailable):
            own = known.own
            own[_ANSWERED_AT] = now
            own[_FAILURES] = own[_UNREACHED] = own[_AGAIN] = 0
            return
        # Attempts that were on their way when it was ejected are of the same outage.
        if error.status not in _LATER_STATUSES and now >= _latest(known.all, EJECTED_UNTIL):
            gone = error.status is None or error.status in _GATEWAY_STATUSES
            self._failed(known, now, gone=gone)

    def set_aside(self) -> Mapping[str, str]:
        """The deployments that are ejected at this moment, and why."""
        latest = _latest(self._any.all, EJECTED_UNTIL)
        if not latest or latest <= (now := _moment(self._clock.monotonic())):
            return {}
        ends = {name: _latest(known.all, EJECTED_UNTIL) for name, known in self._known.items()}
        return {
            name: f"keeps failing; asked again in {(until - now) / 1e9:.0f} s"
            for name, until in ends.items()
            if until > now
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

    def _failed(self, known: Numbers, now: int, *, gone: bool) -> None:
        own, until = known.own, _latest(known.all, EJECTED_UNTIL)
        if not _is_since(known, own, own[_FAILED_AT], until):
            own[_FAILURES] = 0
        own[_FAILURES] += 1
        own[_FAILED_AT] = now
        if not gone:
            own[_REACHED_AT], own[_UNREACHED] = now, 0
        else:
            if not _is_unbroken(known, own, until):
                own[_UNREACHED] = 0
            own[_UNREACHED] += 1
            own[_UNREACHED_AT] = now
        settings = self._settings
        if (
            _failures(known, until, already=settings.consecutive_5xx - 1)
            >= settings.consecutive_5xx
            or _unreached(known, until) >= settings.consecutive_gateway_failure
        ):
            self._eject(known, now)

    def _eject(self, known: Numbers, now: int) -> None:
        settings, own = self._settings, known.own
        last = max(known.all, key=lambda row: row[EJECTED_UNTIL])
        forgiven = (now - last[EJECTED_UNTIL]) // _moment(_FORGIVEN_EVERY_S)
        times = max(0, last[_TIMES] - forgiven) + 1 if last[_TIMES] else 1
        pause_s = min(
            settings.base_ejection_time_s * times,
            max(settings.max_ejection_time_s, settings.base_ejection_time_s),
        )
        until = now + _moment(pause_s)
        own[_FAILURES] = own[_UNREACHED] = 0
        own[_EJECTED_AT], own[_TIMES] = now, times
        # One failure more is enough next time: only a success starts the count afresh.
        own[_AGAIN] = 1
        own[EJECTIONS] += 1
        own[EJECTED_UNTIL] = until
        self._any.own[EJECTED_UNTIL] = max(self._any.own[EJECTED_UNTIL], until)


def _failures(known: Numbers, until: int, *, already: int) -> int:
    """Failures in a row, of all processes; one that was ejected for them has them `already`."""
    count = sum(
        row[_FAILURES] for row in known.all if _is_since(known, row, row[_FAILED_AT], until)
    )
    again = any(row[_AGAIN] and _is_since(known, row, row[_EJECTED_AT], 0) for row in known.all)
    return count + already if again else count


def _unreached(known: Numbers, until: int) -> int:
    return sum(row[_UNREACHED] for row in known.all if _is_unbroken(known, row, until))


def _is_since(known: Numbers, of: Row, moment: int, until: int) -> bool:
    """Whether a moment of one process is after the last ejection and the others' last answers.

    Its own last answer has put its counts back to zero.
    """
    return moment >= until and all(
        row[_ANSWERED_AT] <= moment for row in known.all if row is not of
    )


def _is_unbroken(known: Numbers, of: Row, until: int) -> bool:
    """Whether nobody else was reached, well or ill, after this one was not."""
    moment = of[_UNREACHED_AT]
    return _is_since(known, of, moment, until) and all(
        row[_REACHED_AT] <= moment for row in known.all if row is not of
    )


def _latest(rows: Iterable[Row], cell: int) -> int:
    latest = 0
    for row in rows:
        if row[cell] > latest:  # noqa: PLR1730  # in the way of every request: a call costs more
            latest = row[cell]
    return latest


def _moment(seconds: float) -> int:
    return int(seconds * 1e9)
