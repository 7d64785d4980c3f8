"""One JSON object a document: results by step, and how each came about."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from aihandler.domain.answer import DocumentResult, StepResult
from aihandler.domain.task import Json
from aihandler.domain.usage import NANO

_encode = msgspec.json.Encoder().encode


def write_jsonl(path: Path, results: Callable[[], Iterable[DocumentResult]]) -> None:
    """Writes lines of `id, class, source, results, how`."""
    with path.open("wb") as file:
        file.writelines(_encode(row(result)) + b"\n" for result in results())


def row(result: DocumentResult) -> dict[str, Json]:
    """A document's results as JSON data."""
    return {
        "id": result.document_id,
        "class": result.data_class.value,
        "source": result.source,
        "results": {name: s.answer.value for name, s in result.steps.items() if s.answer},
        "how": {name: how(step) for name, step in result.steps.items()},
    }


def how(step: StepResult) -> dict[str, Json]:
    """State, validity, route, confidence and cost of one step."""
    answer = step.answer
    if answer is None:
        return {"state": step.state, "reason": step.reason}
    return {
        "state": step.state,
        "validity": answer.validity.value,
        "route": answer.route,
        "confidence": answer.confidence,
        "cost_usd": (answer.cost.marginal + answer.cost.allocated) / NANO,
        "priced": answer.cost.status == "priced",
    }
