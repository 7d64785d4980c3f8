"""One open model for another is one word in the configuration: nothing in the task changes."""

import asyncio
import functools
import json
import time

import msgspec
import pytest
from chat_template_cases import CALL, NAMES, TASK, TOOL, shipped, written
from click.testing import CliRunner
from completions_cases import CODEC

from aihandler import Handler
from aihandler.backends import HttpCaller, Transport, load_profiles
from aihandler.backends.chat_templates import Turn
from aihandler.backends.completions.templates import known_family
from aihandler.cli import cli
from aihandler.config import load
from aihandler.domain.answer import ReplyDone
from aihandler.domain.conversation import Message, Request, message
from aihandler.domain.parts import Text, ToolCall, ToolResult
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool
from aihandler.errors import AnswerRejected, ConfigError
from aihandler.testing import FakeServer, Scripted, allow

FILE = """
version: 1
deployments:
  open: {{backend: completions, url: "{url}", model: any-open-model, hosting: self,
          chat_template: {template}, profile: completions-vllm}}
tasks:
  when:
    prompt: "When is the meeting?\\n\\n{{{{ text }}}}"
    output: {{schema: schema.json}}
    candidates: [open]
"""
SCHEMA = {
    "type": "object",
    "properties": {"time": {"type": "string"}},
    "required": ["time"],
    "additionalProperties": False,
}
ASKED = Request(
    "when",
    tuple(message(turn.role, turn.text) for turn in TASK),
    output=JsonOutput(SCHEMA),
    tools=(Tool(TOOL.name, TOOL.description, TOOL.parameters),),
)
ANSWER = '{"time": "12:00"}'
RESULT = ToolResult(CALL.id, (Text("12:00"),), name=CALL.name)


@functools.cache
def says(name, *, call):
    """What a model of this template writes: a call, or the answer."""
    answer = Turn("assistant", calls=(CALL,)) if call else Turn("assistant", ANSWER)
    prompt = shipped(name).render(TASK, tools=[TOOL])
    marks = known_family(prompt.family).reasoning
    begun = [end for mark, end in marks.items() if mark in prompt.start and end not in prompt.start]
    # Where the prompt has begun its reasoning, the model ends it first.
    thought = f"A clock.\n{begun[0]}\n" if begun else ""
    return thought + written(shipped(name), TASK, answer)


def configured(folder, url, template):
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    path = folder / "aihandler.yaml"
    path.write_text(FILE.format(url=url, template=template))
    return load(path)


def run(folder, use):
    """Runs `use(ask)`; `ask(template, request, text)` is answered with this text."""

    async def body():
        said = {}
        async with FakeServer(lambda _: Scripted(said["text"], piece_chars=5)) as server:
            deployment = configured(folder, server.url, "llama-3").deployments["open"]
            transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
            caller = HttpCaller(transport, codec=CODEC, profiles=load_profiles())

            async def ask(template, request, text, *, streamed=False):
                said["text"] = text
                where = msgspec.structs.replace(deployment, chat_template=template)
                how = {"deadline": time.monotonic() + 30, "sent": lambda: None}
                if not streamed:
                    return await caller.call(request, where, allow(where), **how)
                events = caller.stream(request, where, allow(where), **how)
                return [event async for event in events]

            try:
                await use(ask, server)
            finally:
                await caller.close()

    asyncio.run(body())


def test_every_shipped_template_takes_over_from_every_other(tmp_path):
    async def use(ask, server):
        called = {}
        for name in NAMES:
            reply = await ask(name, ASKED, says(name, call=True))
            called[name] = [part for part in reply.parts if isinstance(part, ToolCall)]
            assert (reply.finish, reply.unreadable, len(called[name])) == ("tool_calls", "", 1), (
                name
            )
        for first in NAMES:
            (call,) = called[first]
            assert (call.name, json.loads(call.arguments)) == (
                CALL.name,
                json.loads(CALL.arguments),
            )
            result = msgspec.structs.replace(RESULT, call_id=call.id)
            talk = (*ASKED.messages, Message("assistant", (call,)), Message("user", (result,)))
            went_on = msgspec.structs.replace(ASKED, messages=talk)
            for then in NAMES:
                reply = await ask(then, went_on, says(then, call=False))
                prompt = server.requests[-1]["prompt"]
                assert all(word in prompt for word in ("one sentence", "12:00", "Paris")), then
                told = (reply.text.strip(), reply.finish, reply.unreadable)
                assert told == (ANSWER, "stop", ""), (first, then)
                server.requests.clear()
        assert server.calls == len(NAMES) * (len(NAMES) + 1)

    run(tmp_path, use)


def test_streams_of_all_templates_say_what_the_whole_says(tmp_path):
    async def use(ask, server):
        for name in NAMES:
            for call in (True, False):
                whole = await ask(name, ASKED, says(name, call=call))
                *_, last = await ask(name, ASKED, says(name, call=call), streamed=True)
                assert isinstance(last, ReplyDone)
                for field in ("finish", "unreadable", "text"):
                    assert getattr(last.reply, field) == getattr(whole, field), name
                assert _calls(last.reply) == _calls(whole)

    run(tmp_path, use)


def _calls(reply):
    return [(p.name, p.arguments) for p in reply.parts if isinstance(p, ToolCall)]


@pytest.mark.parametrize("template", ["llama-3", "qwen3-coder", "openai-gpt-oss-120b"])
def test_a_task_of_a_configuration_is_answered_by_any_of_them(tmp_path, template):
    async def use():
        async with FakeServer(says(template, call=False)) as server:
            handler = Handler(configured(tmp_path, server.url, template))
            async with handler:
                answer = await handler.run("when", text="At noon.")
            assert answer.value == {"time": "12:00"}
            assert server.requests[0]["prompt"].count("When is the meeting?") == 1

    asyncio.run(use())


def test_markup_that_cannot_be_read_is_asked_again_and_never_accepted(tmp_path):
    said = iter(["12:00</think>", ANSWER, *["12:00</think>"] * 6])

    async def use():
        async with FakeServer(lambda _: next(said)) as server:
            handler = Handler(configured(tmp_path, server.url, "qwen3-coder"))
            async with handler:
                answer = await handler.run("when", text="At noon.")
                assert answer.value == {"time": "12:00"}
                assert "reasoning ends that never began" in server.requests[1]["prompt"]
                with pytest.raises(AnswerRejected):
                    await handler.run("when", text="At one.")

    asyncio.run(use())


def test_a_template_that_is_not_known_is_told_before_anything_is_asked(tmp_path):
    handler = Handler(configured(tmp_path, "http://127.0.0.1:9", "llama-33"))

    async def use():
        async with handler:
            await handler.run("when", text="At noon.")

    with pytest.raises(ConfigError, match="no chat template 'llama-33' is shipped") as caught:
        asyncio.run(use())
    assert "llama-3" in caught.value.hint


def test_a_file_that_is_not_there_is_a_mistake_with_its_line(tmp_path):
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, "http://127.0.0.1:9", "models/none.gguf")
    (mistake,) = caught.value.mistakes
    assert "there is no file or folder 'models/none.gguf'" in str(mistake)
    assert mistake.path == "deployments.open.chat_template"
    (tmp_path / "model.jinja").write_text("{{ messages }}")
    found = configured(tmp_path, "http://127.0.0.1:9", "model.jinja").deployments["open"]
    assert found.chat_template == str(tmp_path / "model.jinja")


def test_a_server_that_has_the_template_itself_takes_none(tmp_path):
    path = tmp_path / "aihandler.yaml"
    (tmp_path / "schema.json").write_text("{}")
    text = FILE.format(url="http://127.0.0.1:9", template="llama-3")
    path.write_text(text.replace("backend: completions", "backend: openai"))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert any("takes no chat template" in str(mistake) for mistake in caught.value.mistakes)


def test_check_says_which_template_is_not_known(tmp_path):
    configured(tmp_path, "http://127.0.0.1:9", "llama-33")
    told = CliRunner().invoke(cli, ["check", "--config", str(tmp_path / "aihandler.yaml")])
    assert told.exit_code == 1
    assert (
        "no chat template 'llama-33' is shipped (at deployments.open.chat_template)" in told.output
    )
