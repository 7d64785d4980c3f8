"""A stream that breaks off, or is left by its client: its words are kept and counted as a guess."""

import asyncio

import pytest

from aihandler import Handler
from aihandler.domain.answer import (
    ArgumentsDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.conversation import Request, Text, Thinking, ToolCall, message
from aihandler.engine.partial import Heard
from aihandler.errors import AllAttemptsFailed
from aihandler.testing import FakeServer, Scripted

FILE = """
version: 1
deployments:
  near: {{backend: openai, url: "{url}", model: m, hosting: self, profile: vllm}}
tasks:
  say: {{output: {{text: true}}, candidates: near}}
policy:
  public: {{hosting: self}}
  internal: {{hosting: self}}
"""
WORDS = "one two three four five six seven eight nine ten " * 4


def written(folder, server):
    path = folder / "aihandler.yaml"
    path.write_text(FILE.format(url=server.url))
    return path


async def asked(file, *, events=None):
    told = []
    async with Handler.load(file) as handler:
        stream = handler.stream("say", text="hi")
        try:
            async for event in stream:
                told.append(event)
                if len(told) == events:
                    break
        finally:
            await stream.aclose()
    return told


def first_entry(file):
    with Handler.load(file) as handler, handler.read_ledger() as ledger:
        (call,) = ledger.queries.show("1", with_content=True)
    return call.attempts[0]


def test_a_stream_that_is_cut_leaves_its_words_with_the_error(tmp_path):
    with FakeServer(Scripted(WORDS, fault="cut")) as server:
        file = written(tmp_path, server)
        with pytest.raises(AllAttemptsFailed) as caught:
            asyncio.run(asked(file))
    partial = caught.value.last.partial
    assert partial.text
    assert WORDS.startswith(partial.text)
    assert partial.usage.estimated
    assert partial.usage.output > 0


def test_what_a_client_left_is_counted_as_far_as_it_came(tmp_path):
    with FakeServer(Scripted(WORDS, piece_delay_s=0.01)) as server:
        file = written(tmp_path, server)
        events = asyncio.run(asked(file, events=3))
        said = "".join(event.text for event in events if isinstance(event, TextDelta))
    entry = first_entry(file)
    assert entry.outcome == "in_doubt"
    assert entry.usage.estimated
    assert entry.usage.output >= len(said) // 4


def test_parts_are_put_together_in_their_order():
    heard = Heard(Request("t", (message("user", "abcd"),)), lambda: None)
    for event in (
        ThinkingDelta("h"),
        ThinkingDelta("m"),
        TextDelta("a"),
        ToolCallStarted(0, "x", "f"),
        ArgumentsDelta(0, '{"a'),
        TextDelta("b"),
        ArgumentsDelta(0, '": '),
    ):
        heard.note(event)
    reply = heard.reply()
    assert reply.parts == (Thinking("hm"), Text("a"), ToolCall("x", "f", '{"a": '), Text("b"))
    assert reply.finish == "other"
    assert (reply.usage.input, reply.usage.estimated) == (1, True)


def test_of_nothing_nothing_is_kept():
    assert Heard(Request("t", ()), lambda: None).reply() is None
