"""What a run came to: per step and deployment, how many answers, how valid, at what cost."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from aihandler.domain.answer import Answer, DocumentResult, StepResult
from aihandler.domain.task import Json

# A reason can name its document: of many errors the first ones tell what is wrong.
_KEPT = 50
Labels = Mapping[str, Mapping[str, Json]]


class StepTally(msgspec.Struct):
    """Answers of one deployment to one step. `right` of `compared` agree with the labels."""

    step: str
    deployment: str
    answers: int = 0
    reused: int = 0
    validity: dict[str, int] = {}
    marginal_nano: int = 0
    allocated_nano: int = 0
    unpriced: int = 0
    latency_s: list[float] = []
    right: int = 0
    compared: int = 0


class RunSummary(msgspec.Struct):
    """A whole run. `open` counts, per step, what has no answer and why it has none.

    `errors` counts the first reasons of errors that were met. `field_filled` counts, per step,
    the labelled fields that an answer has, `field_right` those that are right.
    """

    documents: int = 0
    classes: dict[str, int] = {}
    steps: dict[tuple[str, str], StepTally] = {}
    open: dict[str, dict[str, int]] = {}
    errors: dict[str, int] = {}
    field_right: dict[str, dict[str, int]] = {}
    field_filled: dict[str, dict[str, int]] = {}
    field_compared: dict[str, dict[str, int]] = {}


def summarise_run(results: Iterable[DocumentResult], labels: Labels) -> RunSummary:
    """Goes through the results once; `labels` are right answers by document id and step."""
    summary = RunSummary()
    for result in results:
        summary.documents += 1
        name = result.data_class.value
        summary.classes[name] = summary.classes.get(name, 0) + 1
        expected = labels.get(result.document_id, {})
        for step in result.steps.values():
            _take(summary, step, expected.get(step.step))
    return summary


def _take(summary: RunSummary, step: StepResult, expected: Json) -> None:
    answer = step.answer
    if answer is None:
        open_here = summary.open.setdefault(step.step, {})
        open_here[step.state] = open_here.get(step.state, 0) + 1
        if step.state == "error" and (step.reason in summary.errors or len(summary.errors) < _KEPT):
            summary.errors[step.reason] = summary.errors.get(step.reason, 0) + 1
        return
    known = (step.step, answer.route or "default")
    tally = summary.steps.setdefault(known, StepTally(*known))
    tally.answers += 1
    tally.reused += answer.reused
    tally.validity[answer.validity.value] = tally.validity.get(answer.validity.value, 0) + 1
    tally.marginal_nano += answer.cost.marginal
    tally.allocated_nano += answer.cost.allocated
    tally.unpriced += answer.cost.status == "unpriced"
    tally.latency_s.extend(_latency(answer))
    if expected is not None:
        tally.compared += 1
        tally.right += same(answer.value, expected)
        _compare_fields(summary, step.step, answer.value, expected)


def _latency(answer: Answer[Json]) -> list[float]:
    return [a.latency_s for a in answer.attempts if a.deployment == answer.route and a.latency_s]


def _compare_fields(summary: RunSummary, step: str, value: Json, expected: Json) -> None:
    if not isinstance(expected, dict) or not isinstance(value, dict):
        return
    right = Counter(summary.field_right.get(step, {}))
    filled = Counter(summary.field_filled.get(step, {}))
    compared = Counter(summary.field_compared.get(step, {}))
    for name, wanted in expected.items():
        compared[name] += 1
        filled[name] += name in value
        right[name] += name in value and same(value[name], wanted)
    summary.field_right[step], summary.field_compared[step] = dict(right), dict(compared)
    summary.field_filled[step] = dict(filled)


def same(value: Json, expected: Json) -> bool:
    """Equal as a person would say: numbers by value, text by its words.

    Of an object only the keys that the label names are compared.
    """
    if isinstance(expected, dict) and isinstance(value, dict):
        return all(key in value and same(value[key], e) for key, e in expected.items())
    if isinstance(expected, list) and isinstance(value, list):
        pairs = zip(value, expected, strict=False)
        return len(value) == len(expected) and all(same(v, e) for v, e in pairs)
    number, other = _number(value), _number(expected)
    if number is not None and other is not None:
        return number == other
    return " ".join(str(value).split()).casefold() == " ".join(str(expected).split()).casefold()


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
