"""Who asks, and what they may: decided before a byte of the request is read."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from aihandler.domain.rules import Key
from aihandler.errors import Refused


class Asker(msgspec.Struct, frozen=True):
    """Whoever sent a request. `tasks` of None means all; `key` bounds the class of the data."""

    name: str
    key: Key | None = None
    tasks: frozenset[str] | None = None
    tags: Mapping[str, str] = {}

    def require(self, task: str) -> None:
        """Raises Refused unless this task (`model/NAME` for a deployment) may be asked."""
        if self.tasks is not None and task not in self.tasks:
            raise Refused(
                f"key {self.name!r} may not ask {task!r}",
                hint="use another key, or one that has this task",
            )


class Admission(Protocol):
    """Decides who may come in."""

    def admit(self, headers: Mapping[str, str]) -> Asker:
        """Raises Unauthenticated."""
        ...


class Everyone:
    """Lets everyone in: for `--insecure-local`, on this machine's own address alone."""

    def admit(self, headers: Mapping[str, str]) -> Asker:  # noqa: ARG002 - an Admission's shape
        """Nobody in particular."""
        return Asker("everyone")
