"""A data set out of the ledger: what was asked and answered, as far as its texts are still there.

An accepted answer is no proof of a right one: what it says is what some deployment said. Only
corrections are people's. Tags tell which is which.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aihandler.asking import Wording
from aihandler.domain.conversation import Message
from aihandler.domain.task import Json, JsonOutput, Task
from aihandler.evaluation.datasets import answered_by, corrections, dataset
from aihandler.evaluation.observations import Dataset, Item

if TYPE_CHECKING:
    from aihandler.handler import Handler
    from aihandler.ledger import AnsweredCall, Archive

# Stands for a field's text in a filled prompt; of a kind that no document holds.
_MARK = "\ue000{}\ue001"

_request = msgspec.json.Decoder(list[Message] | dict[str, str]).decode


class Past(msgspec.Struct, frozen=True):
    """A sample of the ledger, and how many answers could not be part of it.

    `gone`: their texts were forgotten or never kept. `unreadable`: the task's input cannot be told
    from what was sent (another prompt by now, or one that changes its input).
    """

    dataset: Dataset
    answered: int
    corrected: int
    gone: int = 0
    unreadable: int = 0


def from_ledger(handler: "Handler", task: str, *, limit: int | None, seed: int) -> Past:
    """At most `limit` items, spread over days and deployments as the work was; corrections first.

    Raises InputError for an unknown task, StorageError where there is no ledger.
    """
    configured = handler.task(task)
    corrected = corrections(handler, task)
    wording = Wording(handler.configuration)
    with handler.read_ledger() as ledger:
        calls = _spread(_last_of_each(ledger.queries.answered(task)), seed=seed)
        reading = _Reading(wording, configured, ledger)
        room = None if limit is None else max(0, limit - len(corrected))
        taken = list(reading.items(calls, room))
    known = {_key(item.fields) for item in corrected}
    kept = [item for item in taken if _key(item.fields) not in known]
    items = [*corrected[:limit], *kept]
    return Past(
        dataset(f"ledger of {task}", items),
        answered=len(kept),
        corrected=len(corrected[:limit]),
        gone=reading.gone,
        unreadable=reading.unreadable,
    )


def as_lines(data: Dataset) -> bytes:
    """JSON Lines that `from_file` reads as the same data."""
    return b"".join(msgspec.json.encode(_line(item)) + b"\n" for item in data.items)


def _line(item: Item) -> dict[str, Json]:
    line: dict[str, Json] = {"id": item.id, "input": item.fields, "expected": item.expected}
    if item.cluster:
        line["cluster"] = item.cluster
    return {**line, "tags": item.tags, "class": item.data_class.value}


class _Reading:
    def __init__(self, wording: Wording, task: Task, ledger: "Archive") -> None:
        self.gone = self.unreadable = 0
        self._wording = wording
        self._task = task
        self._ledger = ledger
        self._validator = wording.validator(task.output)

    def items(self, calls: Sequence["AnsweredCall"], limit: int | None) -> Iterator[Item]:
        seen: set[str] = set()
        for call in calls:
            if limit is not None and len(seen) >= limit:
                return
            item = self._item(call)
            if item is not None and _key(item.fields) not in seen:
                seen.add(_key(item.fields))
                yield item

    def _item(self, call: "AnsweredCall") -> Item | None:
        sent, answer = self._ledger.queries.answered_texts(call)
        if not sent or answer is None:
            self.gone += 1
            return None
        fields = self._fields(call, sent)
        value = self._value(answer, fields or {})
        if fields is None or value is None:
            self.unreadable += 1
            return None
        return Item(
            call.call_id,
            dict(fields),
            value,
            cluster=call.tenant,
            tags=(answered_by(call.deployment),),
            data_class=call.data_class,
        )

    def _value(self, answer: Json, fields: Mapping[str, str]) -> Json:
        text = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
        verdict = self._validator.check(text, finish="stop", source="\n".join(fields.values()))
        # A value that was accepted in a run was undone from the form it was asked in.
        if isinstance(self._task.output, JsonOutput) and not isinstance(answer, str):
            return answer
        return verdict.value if verdict.ok else None

    def _fields(self, call: "AnsweredCall", sent: bytes) -> Mapping[str, str] | None:
        try:
            request = _request(sent)
        except msgspec.DecodeError:
            return None
        if isinstance(request, dict):
            return request if request.keys() >= set(self._task.fields) else None
        known = self._wording.deployments
        # A deployment that is gone was asked with the prompt of its family: any may serve to read.
        name = call.deployment if call.deployment in known else next(iter(known))
        return fields_of(request, self._task.fields, lambda f: self._filled(name, f))

    def _filled(self, deployment: str, fields: Mapping[str, str]) -> tuple[Message, ...]:
        return self._wording.messages(self._task.name, deployment, fields)


def fields_of(
    sent: Sequence[Message],
    names: Sequence[str],
    fill: Callable[[Mapping[str, str]], tuple[Message, ...]],
) -> Mapping[str, str] | None:
    """The fields that `fill` makes these messages of; None when they cannot be told.

    Whatever is found is filled in again and must give what was sent, letter for letter.
    """
    marks = {name: _MARK.format(place) for place, name in enumerate(names)}
    found: dict[str, str] = {}
    for blank, message in zip(fill(marks), sent, strict=False):
        match = re.fullmatch(_pattern(blank.text, marks, found), message.text, re.DOTALL)
        if match is None:
            return None
        found.update({names[int(group[1:])]: text for group, text in match.groupdict().items()})
    filled = fill(found) if found.keys() == set(names) else ()
    # A re-ask has more turns behind.
    asked = [message.text for message in sent[: len(filled)]]
    return found if filled and [m.text for m in filled] == asked else None


def _pattern(blank: str, marks: Mapping[str, str], found: Mapping[str, str]) -> str:
    pattern = re.escape(blank)
    for place, (name, mark) in enumerate(marks.items()):
        if name in found:
            pattern = pattern.replace(re.escape(mark), re.escape(found[name]))
        else:
            pattern = pattern.replace(re.escape(mark), f"(?P<f{place}>.*)", 1)
            pattern = pattern.replace(re.escape(mark), f"(?P=f{place})")
    return pattern


def _last_of_each(calls: Sequence["AnsweredCall"]) -> list["AnsweredCall"]:
    """One for each call: an attempt of it that was valid ends it."""
    return list({call.call_id: call for call in calls}.values())


def _spread(calls: Sequence["AnsweredCall"], *, seed: int) -> list["AnsweredCall"]:
    """In an order any beginning of which is spread over days and deployments as the whole is."""
    groups: dict[tuple[str, str], list[AnsweredCall]] = {}
    for call in calls:
        day = time.strftime("%Y-%m-%d", time.gmtime(call.at))
        groups.setdefault((day, call.deployment), []).append(call)
    # S311: chance for a sample, not for a secret.
    chance = random.Random(seed)  # noqa: S311
    ranked: list[tuple[float, str, AnsweredCall]] = []
    for _, group in sorted(groups.items()):
        chance.shuffle(group)
        # Where each group begins is left to chance: the small ones would never come first.
        start = chance.random()
        ranked += [((at + start) / len(group), c.call_id, c) for at, c in enumerate(group)]
    return [call for _, _, call in sorted(ranked, key=lambda entry: entry[:2])]


def _key(fields: Mapping[str, str]) -> str:
    return msgspec.json.encode(sorted(fields.items())).decode()
