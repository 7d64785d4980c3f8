"""All events of an item that comes whole, in the order in which clients expect them."""

from collections.abc import Iterator
from typing import Any

_Event = tuple[str, dict[str, Any]]
_EMPTY: dict[str, dict[str, Any]] = {
    "message": {"content": [], "status": "in_progress"},
    "function_call": {"arguments": "", "status": "in_progress"},
    "reasoning": {"summary": []},
}


def whole_item(item: dict[str, Any], index: int) -> Iterator[_Event]:
    """The events of one item; one without a word here has only a beginning and an end."""
    kind = item.get("type", "")
    begun = {**item, **_EMPTY.get(kind, {})}
    begun = {key: value for key, value in begun.items() if kind != "reasoning" or key != "content"}
    yield "response.output_item.added", {"output_index": index, "item": begun}
    at = {"item_id": item.get("id", ""), "output_index": index}
    match kind:
        case "message":
            for place, part in enumerate(item["content"]):
                yield from _content(part, {**at, "content_index": place})
        case "reasoning":
            for place, part in enumerate(item.get("summary") or ()):
                yield from _summary(part, {**at, "summary_index": place})
            for place, part in enumerate(item.get("content") or ()):
                said = {**at, "content_index": place}
                yield "response.reasoning_text.delta", {**said, "delta": part.get("text", "")}
                yield "response.reasoning_text.done", {**said, "text": part.get("text", "")}
        case "function_call":
            arguments = item["arguments"]
            yield "response.function_call_arguments.delta", {**at, "delta": arguments}
            told = {**at, "name": item["name"], "arguments": arguments}
            yield "response.function_call_arguments.done", told
    yield "response.output_item.done", {"output_index": index, "item": item}


def _content(part: dict[str, Any], at: dict[str, Any]) -> Iterator[_Event]:
    if part.get("type") == "refusal":
        empty, words = {**part, "refusal": ""}, part["refusal"]
        yield "response.content_part.added", {**at, "part": empty}
        yield "response.refusal.delta", {**at, "delta": words}
        yield "response.refusal.done", {**at, "refusal": words}
    else:
        words, logprobs = part.get("text", ""), part.get("logprobs") or []
        empty = {"type": part.get("type"), "text": "", "annotations": []}
        yield "response.content_part.added", {**at, "part": empty}
        yield "response.output_text.delta", {**at, "delta": words, "logprobs": logprobs}
        for number, note in enumerate(part.get("annotations") or ()):
            noted = {**at, "annotation_index": number, "annotation": note}
            yield "response.output_text.annotation.added", noted
        yield "response.output_text.done", {**at, "text": words, "logprobs": logprobs}
    yield "response.content_part.done", {**at, "part": part}


def _summary(part: dict[str, Any], at: dict[str, Any]) -> Iterator[_Event]:
    words = part.get("text", "")
    yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    yield "response.reasoning_summary_text.delta", {**at, "delta": words}
    yield "response.reasoning_summary_text.done", {**at, "text": words}
    yield "response.reasoning_summary_part.done", {**at, "part": part}
