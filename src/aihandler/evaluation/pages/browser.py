"""The items on which deployments differ, as the page shows them."""

from collections.abc import Iterable, Iterator

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json
from aihandler.evaluation.cells import cells
from aihandler.evaluation.findings import Findings
from aihandler.evaluation.observations import Comparison, Item, Observation
from aihandler.evaluation.pages.words import dollars, milliseconds

__all__ = ["ShownAnswer", "ShownItem", "ShownItems", "shown_items"]

# A page of more than this is slow to open; everything is in the JSON.
MOST_ITEMS = 500
MOST_CHARACTERS = 4_000


class ShownAnswer(msgspec.Struct, frozen=True):
    """One answer: `mark` is `right`, `wrong` or `partly`, `text` what it said or why it did not."""

    deployment: str
    repeat: int
    mark: str
    score: float
    outcome: str
    text: str
    cost: str
    latency: str


class ShownItem(msgspec.Struct, frozen=True):
    """An item with its answers. `hidden` says why its content is not in the file."""

    id: str
    tags: tuple[str, ...]
    data_class: str
    snippet: str
    fields: tuple[tuple[str, str], ...]
    expected: str
    marks: tuple[tuple[str, str], ...]
    answers: tuple[ShownAnswer, ...]
    hidden: str = ""

    @property
    def wrong(self) -> tuple[str, ...]:
        """The deployments that were not all right."""
        return tuple(name for name, mark in self.marks if mark != "right")


class ShownItems(msgspec.Struct, frozen=True):
    """The items shown, of `total` on which deployments differ."""

    items: tuple[ShownItem, ...]
    total: int


def shown_items(comparison: Comparison, findings: Findings, *, show_restricted: bool) -> ShownItems:
    """Those on which the deployments are farthest apart come first."""
    table = cells(comparison)
    items = {item.id: item for item in comparison.dataset.items}
    order = sorted(findings.disagreements, key=lambda d: _width(d.scores.values()), reverse=True)
    shown = []
    for disagreement in order[:MOST_ITEMS]:
        seen = [one for rows in table.values() for one in rows.get(disagreement.item, ())]
        item = items[disagreement.item]
        hide = item.data_class is DataClass.RESTRICTED and not show_restricted
        shown.append(_item(item, seen, findings, hide=hide))
    return ShownItems(tuple(shown), len(order))


def _width(scores: Iterable[float]) -> float:
    known = list(scores)
    return max(known) - min(known) if known else 0.0


def _item(item: Item, seen: list[Observation], findings: Findings, *, hide: bool) -> ShownItem:
    text = " ".join(item.fields.values())
    marks: dict[str, list[str]] = {}
    answers = tuple(_answers(seen, findings.scorer, hide=hide))
    for answer in answers:
        marks.setdefault(answer.deployment, []).append(answer.mark)
    return ShownItem(
        item.id,
        item.tags,
        item.data_class.value,
        "" if hide else " ".join(text[:400].split())[:160],
        () if hide else tuple((name, _cut(value)) for name, value in item.fields.items()),
        "" if hide else _readable(item.expected),
        tuple((name, _together(given)) for name, given in marks.items()),
        answers,
        "restricted: its content is not in this file" if hide else "",
    )


def _answers(seen: list[Observation], scorer: str, *, hide: bool) -> Iterator[ShownAnswer]:
    for one in seen:
        score = one.scores.get(scorer, 0.0)
        text = _readable(one.answer) if one.outcome == "answered" else one.error
        yield ShownAnswer(
            one.deployment,
            one.repeat,
            "right" if score >= 1 else "wrong" if score <= 0 else "partly",
            score,
            one.outcome,
            "" if hide else text,
            dollars(one.cost_nano_usd),
            milliseconds(one.latency_ms),
        )


def _together(marks: list[str]) -> str:
    return marks[0] if len(set(marks)) == 1 else "partly"


def _readable(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _cut(value)
    return _cut(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _cut(text: str) -> str:
    rest = len(text) - MOST_CHARACTERS
    return text if rest <= 0 else f"{text[:MOST_CHARACTERS]} … and {rest:,} characters more"
