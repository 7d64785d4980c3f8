"""Shipped templates made ready once, a task with tools, and the recorded answers."""

import functools
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aihandler.backends.chat_templates import (
    ChatTemplate,
    Template,
    Tool,
    ToolCall,
    Turn,
    shipped_names,
    shipped_template,
)
from aihandler.backends.chat_templates.adapt import adapted
from aihandler.backends.chat_templates.shape import Probe, started

DATA = Path(__file__).parent.parent / "data" / "chat_templates"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NAMES = shipped_names()
CALL = ToolCall("get_time", '{"city": "Paris", "count": 3}', "abcdefgh1")
TOOL = Tool(
    "get_time",
    "Tells the time in a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "count": {"type": "integer"}},
    },
)
TASK = (Turn("system", "Answer in one sentence."), Turn("user", "What time is it in Paris?"))


def chat_template(source: str, **settings: Any) -> ChatTemplate:
    """A template of a test's own."""
    template = Template("of a test", source, "<s>", "</s>")
    return ChatTemplate(template, now=lambda: NOON, monotonic=lambda: 0.0, **settings)


@functools.cache
def shipped(name: str) -> ChatTemplate:
    """A shipped template; compiling one takes up to a tenth of a second."""
    return ChatTemplate(shipped_template(name), now=lambda: NOON, monotonic=lambda: 0.0)


def written(chat: ChatTemplate, turns: Sequence[Turn], answer: Turn) -> str:
    """What the template writes for this answer: the text its model was taught to give."""
    fitting = adapted([*turns, answer], [TOOL], chat.shape)
    prompt = chat.render(turns, tools=[TOOL])
    probe = Probe(chat._compiled, chat.template)
    told = probe.render(fitting.turns, form=chat.shape.form, tools=fitting.tools, ask=False)
    before = prompt.text.removesuffix(started(prompt.text))
    assert told.startswith(before), chat.template.name
    # Of reasoning that was turned off, some templates write the closing mark alone.
    return told[len(before) :].removeprefix("</think>")


@functools.cache
def records() -> tuple[dict[str, Any], ...]:
    """The recorded answers of open models, with what other readers make of them."""
    with gzip.open(DATA / "model_text_to_message.jsonl.gz", "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


def tools_of(record: dict[str, Any]) -> list[Tool]:
    """The tools that were on offer."""
    schemas = json.loads((DATA / "tools.json").read_text())
    return [Tool(name, "", schemas[name]) for name in record["tools"]]


def shipped_origin(name: str) -> str:
    """The name under which a shipped template's answers were recorded."""
    return _origins()[name]


@functools.cache
def _origins() -> dict[str, str]:
    import aihandler.backends.chat_templates as room

    index = Path(str(room.__file__)).parent / "shipped" / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8"))
    return {name: entry["origin"].removesuffix(".jinja") for name, entry in entries.items()}
