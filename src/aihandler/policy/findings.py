"""What the proof says: a table of what reaches what, and what is wrong with it."""

from typing import Literal

import msgspec

from aihandler.domain.clearance import Exclusion
from aihandler.domain.labels import DataClass

__all__ = ["Finding", "Level", "Proof", "Row"]

Level = Literal["error", "warning"]


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong (error) or surprising (warning), and where in the file it stands.

    `code` stays the same when the wording changes; docs/rooms/policy.md lists all codes. `line`
    is 0 for a configuration that was built in Python.
    """

    level: Level
    code: str
    message: str
    path: str
    line: int = 0
    hint: str = ""


class Row(msgspec.Struct, frozen=True):
    """Where data of one class can go on one path of one task.

    `place` is the task on its own or `workflow / step`; `path` is "candidates", "fallback and
    escalation", or a helper's kind and name.
    """

    place: str
    task: str
    data_class: DataClass
    path: str
    reachable: tuple[str, ...]
    excluded: tuple[Exclusion, ...] = ()


class Proof(msgspec.Struct, frozen=True):
    """The whole result. `table` is in the order of the file, classes from low to high."""

    table: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What must be mended before the configuration is used."""
        return tuple(f for f in self.findings if f.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is allowed and probably not meant."""
        return tuple(f for f in self.findings if f.level == "warning")

    @property
    def ok(self) -> bool:
        """True when there is no error."""
        return not self.errors
