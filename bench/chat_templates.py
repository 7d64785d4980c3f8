"""What the chat templates reach: calls read back by family, prompts by template, time of each.

    python -m bench.chat_templates [--json]

The recorded answers and the tools on offer are those of `tests/data/chat_templates`. Times are CPU
times, medians; they do not belong into tests.
"""

import argparse
import gzip
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aihandler.backends.chat_templates import (
    ChatTemplate,
    Tool,
    ToolCall,
    Turn,
    shipped_names,
    shipped_template,
)
from aihandler.backends.chat_templates.markup import MarkupReader, Unreadable, parse

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "chat_templates"
TOOL = Tool("get_time", "Tells the time.", {"properties": {"city": {"type": "string"}}})
CALL = ToolCall("get_time", '{"city": "Paris"}', "abcdefgh1")
TALK = (
    Turn("system", "Answer in one sentence."),
    Turn("user", "What time is it in Paris? " * 20),
    Turn("assistant", calls=(CALL,)),
    Turn("tool", "12:00", call_id=CALL.id, name="get_time"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    report = {"answers": answers(), "templates": templates(), "times": times()}
    if parser.parse_args().json:
        print(json.dumps(report, indent=1))
        return
    print(
        "| answers written for | records | read | refused | another reading |"
        "\n|---|---|---|---|---|"
    )
    for name, figures in report["answers"].items():
        print(f"| {name} | " + " | ".join(str(figures[key]) for key in KINDS) + " |")
    print(
        "\n| template | tools | family | compile and probe, ms | render, ms |"
        "\n|---|---|---|---|---|"
    )
    for name, figures in report["templates"].items():
        print(f"| {name} | " + " | ".join(str(value) for value in figures.values()) + " |")
    for name, value in report["times"].items():
        print(f"{name}: {value}")


KINDS = ("records", "read", "refused", "differs")


def answers() -> dict[str, dict[str, int]]:
    """Per template of the recorded answers: read as expected, refused, read in another way."""
    schemas = json.loads((DATA / "tools.json").read_text())
    table: dict[str, Counter[str]] = {}
    for record in records():
        counts = table.setdefault(record["template"], Counter())
        tools = [Tool(name, "", schemas[name]) for name in record["tools"]]
        message = parse(record["input"], tools=tools, start=record["start"])
        if isinstance(message, Unreadable):
            verdict = "refused"
        else:
            said = message.content, message.reasoning.strip(), plain(message.tool_calls)
            verdict = "read" if said == wanted(record["expected"]) else "differs"
        counts.update(["records", verdict])
    total: Counter[str] = sum(table.values(), Counter())
    return {**dict(sorted(table.items())), "all": total}


def records() -> list[dict[str, Any]]:
    with gzip.open(DATA / "model_text_to_message.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def wanted(expected: Mapping[str, Any]) -> object:
    try:
        calls = [(c["name"], json.loads(c["arguments"])) for c in expected["tool_calls"]]
    except ValueError:
        return None
    return expected["content"], expected["reasoning"].strip(), calls


def plain(calls: tuple[ToolCall, ...]) -> list[tuple[str, object]]:
    return [(call.name, json.loads(call.arguments)) for call in calls]


def templates() -> dict[str, dict[str, object]]:
    """Per shipped template: how tools are told, and what compiling and rendering cost."""
    table: dict[str, dict[str, object]] = {}
    for name in shipped_names():
        template = shipped_template(name)
        made: list[ChatTemplate] = []

        def make(template: Any = template, made: list[ChatTemplate] = made) -> None:
            made.append(
                ChatTemplate(template, now=lambda: datetime.now(UTC), monotonic=time.monotonic)
            )

        compiled = milliseconds(make, 3)
        chat = made[0]
        prompt = chat.render(TALK, tools=[TOOL])
        table[name] = {
            "tools": "its own" if chat.shape.tools else "in the system text",
            "family": prompt.family,
            "compile": compiled,
            "render": milliseconds(lambda chat=chat: chat.render(TALK, tools=[TOOL]), 15),
        }
    return table


def times() -> dict[str, str]:
    """Reading a streamed answer, and looking for control tokens in a long text."""
    pieces = ["word "] * 2000

    def read() -> None:
        reader = MarkupReader(tools=[TOOL])
        for piece in pieces:
            reader.feed(piece)
        reader.end()

    chat = ChatTemplate(
        shipped_template("llama-3"), now=lambda: datetime.now(UTC), monotonic=time.monotonic
    )
    text = "An ordinary sentence, with <b>tags</b> and a < b.\n" * 20_000
    return {
        "per streamed piece, us": f"{milliseconds(read, 9) * 1000 / len(pieces):.1f}",
        "reader made, us": f"{milliseconds(lambda: MarkupReader(tools=[TOOL]), 51) * 1000:.0f}",
        "1 MB searched for control tokens, ms": str(
            milliseconds(lambda: chat.neutraliser.neutral(text), 5)
        ),
    }


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return round(statistics.median(taken) * 1000, 2)


if __name__ == "__main__":
    main()
