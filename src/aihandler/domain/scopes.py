"""Whose a budget or a limit is: everybody's, or that of one key, team, user, task or deployment."""

from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

# What an entry says of who asked; the names of tags.
ASKERS = ("key", "team", "user")
EVERYTHING = "all"
# Stands for each that has none of its own.
EACH = "*"


class Scoped(Protocol):
    """Something that holds for one scope (`team:search`, `team:*`, `all`)."""

    @property
    def scope(self) -> str:
        """Whose it is."""
        ...


Row = TypeVar("Row", bound=Scoped)


class Scopes(Generic[Row]):
    """Rows of a configuration, found by who asks what of whom."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_scope: dict[str, tuple[Row, ...]] = {}
        for row in rows:
            self._by_scope[row.scope] = (*self._by_scope.get(row.scope, ()), row)
        kinds = {scope.partition(":")[0] for scope in self._by_scope}
        self._asked_for = tuple(kind for kind in ASKERS if kind in kinds)
        self._for_tasks, self._for_deployments = "task" in kinds, "deployment" in kinds

    def of(self, asker: Mapping[str, str], *, task: str, deployment: str = "") -> tuple[Row, ...]:
        """Every row that one request, or one attempt at a deployment, counts against."""
        if not self._by_scope:
            return ()
        found = self._by_scope.get(EVERYTHING, ())
        if self._for_tasks:
            found += self._named("task", task)
        if self._for_deployments and deployment:
            found += self._named("deployment", deployment)
        for kind in self._asked_for:
            if name := asker.get(kind):
                found += self._named(kind, name)
        return found

    def _named(self, kind: str, name: str) -> tuple[Row, ...]:
        scope = f"{kind}:{name}"
        own = self._by_scope.get(scope)
        if own is None:
            each = self._by_scope.get(f"{kind}:{EACH}", ())
            # Kept: the next request of the same finds it made.
            own = tuple(msgspec.structs.replace(row, scope=scope) for row in each)  # type: ignore[type-var]  # rows are structs
            if own:
                self._by_scope[scope] = own
        return own
