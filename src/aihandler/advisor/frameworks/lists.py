"""Published lists, judged item by item over the same facts as the rules; a list never votes."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from aihandler.advisor.company import Fact
from aihandler.advisor.frameworks.rules import Condition, Distance, Reading, Verdict

State = Literal["applies", "does_not", "not_known"]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a list. Without `when` it applies to everyone; `toward` is where it points."""

    id: str
    says: str
    when: Condition = Condition()
    toward: Verdict | None = None


class Checklist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published list. `yes` and `no` are the words for an item that applies or does not."""

    id: str
    title: str
    items: tuple[Item, ...]
    signals: dict[str, Condition] = {}
    note: str = ""
    yes: str = "applies"
    no: str = "does not apply"


class JudgedItem(msgspec.Struct, frozen=True):
    """`words` tell the state, with the facts to ask for when it is not known."""

    id: str
    says: str
    state: State
    words: str
    toward: Verdict | None
    inputs: Mapping[str, Fact]
    missing: tuple[str, ...]
    distances: tuple[Distance, ...]


class JudgedList(msgspec.Struct, frozen=True):
    """Beside the judgements of frameworks: the same source, inputs, missing ones and distances."""

    id: str
    title: str
    source: str
    items: tuple[JudgedItem, ...]
    note: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Every fact to ask for, once."""
        return tuple(dict.fromkeys(name for item in self.items for name in item.missing))


def judge_list(checklist: Checklist, facts: Mapping[str, Fact], *, source: str) -> JudgedList:
    """Every item by itself: one that is not known does not hold up the others."""
    items = tuple(_judged(checklist, item, facts) for item in checklist.items)
    return JudgedList(checklist.id, checklist.title, source, items, checklist.note)


def applying(judged: Sequence[JudgedItem]) -> tuple[JudgedItem, ...]:
    """Those that apply."""
    return tuple(item for item in judged if item.state == "applies")


def _judged(checklist: Checklist, item: Item, facts: Mapping[str, Fact]) -> JudgedItem:
    reading = Reading(facts, checklist.signals)
    holds = reading.value(item.when)
    missing = tuple(name for name, value in reading.inputs.items() if value is None)
    states: Mapping[bool | None, State] = {True: "applies", False: "does_not", None: "not_known"}
    words = {
        True: checklist.yes,
        False: checklist.no,
        None: f"not known: {', '.join(missing)} missing",
    }
    return JudgedItem(
        id=item.id,
        says=item.says,
        state=states[holds],
        words=words[holds],
        toward=item.toward,
        inputs=reading.inputs,
        missing=missing,
        distances=tuple(reading.distances.values()),
    )
