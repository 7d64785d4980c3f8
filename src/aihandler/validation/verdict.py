"""What validation says about one reply."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from aihandler.domain.task import Json

State = Literal["exact", "repaired", "ambiguous", "truncated", "invalid"]
# Which check said no: the form of the reply, the schema (or the list of labels), the source, or
# the arithmetic.
ProblemKind = Literal["form", "schema", "grounding", "arithmetic"]

LABEL_CHARS = 40


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: where (a JSON pointer, empty for the whole), and which rule.

    Fit for logs: names rules and keys, never a value of the document.
    """

    pointer: str
    message: str
    kind: ProblemKind = "schema"


class Verdict(msgspec.Struct, frozen=True):
    """The value of a reply if it may be used, else why not. `notes` say what was put right."""

    state: State
    value: Json = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when the value may be used."""
        return self.state in {"exact", "repaired"}


def accepted(value: Json, notes: Iterable[str] = ()) -> Verdict:
    """`exact` without notes, `repaired` with them; a note that repeats is kept once."""
    kept = tuple(dict.fromkeys(notes))
    return Verdict("repaired" if kept else "exact", value, notes=kept)


def rejected(
    message: str, *, state: State = "invalid", pointer: str = "", kind: ProblemKind = "form"
) -> Verdict:
    """A verdict with one problem."""
    return Verdict(state, problems=(Problem(pointer, message, kind),))


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer; a long key is shortened, because keys too come from the reply."""
    return "".join(f"/{_step(part)}" for part in path)


def name(key: str) -> str:
    """A key as a message may show it."""
    return repr(key if len(key) <= LABEL_CHARS else key[: LABEL_CHARS - 1] + "…")


def _step(part: str | int) -> str:
    text = str(part).replace("~", "~0").replace("/", "~1")
    return text if len(text) <= LABEL_CHARS else text[: LABEL_CHARS - 1] + "…"
