"""No two requests that differ in anything that matters have one answer."""

import asyncio
import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.backends.openai_responses import OpenAIResponses
from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.answer import Reply
from aihandler.domain.attempt import Plan, Snapshot
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Text, ToolCall
from aihandler.domain.deployment import Hosting
from aihandler.domain.kept import KeptAnswer
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.task import CacheSettings, Default, JsonOutput, TextOutput
from aihandler.engine import Call
from aihandler.engine.questions import Questions, route_digest
from aihandler.errors import AIHandlerError, StorageError
from aihandler.testing import FakeCaller
from engine.bench_of_fakes import Fakes, call, deployment, task

CACHE = CacheSettings(60.0)
NEAR, FAR = deployment("near"), deployment("far", Hosting.VENDOR)
KNOWN = {"near": NEAR, "far": FAR}
QUESTIONS = Questions(Configuration("", ".", LedgerSettings(""), deployments=KNOWN))


class Shelf:
    """Keeps answers in memory; `broken` fails whenever it is asked."""

    def __init__(self, *, broken=False):
        self.kept: dict[bytes, KeptAnswer] = {}
        self.broken = broken

    def find(self, key):
        self._check()
        return self.kept.get(key)

    def keep(self, key, answer, **_):
        self._check()
        self.kept[key] = answer

    def _check(self):
        if self.broken:
            raise StorageError("the disk is gone", hint="find it")


def fakes(near="billing", far="bug", *, shelf=None):
    made = Fakes({"near": FakeCaller(near), "far": FakeCaller(far)})
    made.shelf = shelf or Shelf()
    made.engine.keep_answers(made.shelf)
    return made


def asked(made, settings=CACHE, *, use="use", **more):
    told = {key: more.pop(key) for key in ("data_class", "tags") if key in more}
    return made.run(call(task(cache=settings, **more), cache=use, reuse=False, **told))


def deployments_asked(made):
    return [entry.intent.deployment for entry in made.journal.entries]


# What is named


def plan_of(made_for, allowed=("near", "far")):
    clearance = Clearance(
        made_for.labels.data_class, {name: KNOWN[name].identity for name in allowed}
    )
    return Plan(made_for.task.name, made_for.labels, clearance, ())


def name(made_for, **more):
    return QUESTIONS.name(made_for, plan_of(made_for, **more))


def plain(**more):
    settings = {"data_class": DataClass.PUBLIC, "tenant": "", "text": "hi", "task": {}} | more
    labels = Labels(settings.pop("data_class"), tenant=settings.pop("tenant"))
    fields = {"text": settings.pop("text")}
    return Call("id", task(**settings.pop("task")), labels, fields, **settings)


WORDS = st.sampled_from(["", "a", "b", "key", "team"])
CALLS = st.fixed_dictionaries(
    {
        "text": WORDS,
        "source": WORDS,
        "tenant": WORDS,
        "data_class": st.sampled_from(DataClass),
        "tags": st.dictionaries(st.sampled_from(["team", "project", "key", "user"]), WORDS),
        "sample": st.integers(0, 1),
        "task": st.fixed_dictionaries(
            {
                "temperature": st.sampled_from([0.0, 1.0]),
                "candidates": st.sampled_from([None, ("near",), ("near", "far"), ("far", "near")]),
                "max_output_tokens": st.sampled_from([None, 1]),
                "min_confidence": st.sampled_from([None, 0.5]),
                "output": st.sampled_from([TextOutput(), JsonOutput({}), JsonOutput({"a": 1})]),
                "otherwise": st.sampled_from(["error", Default("x")]),
            }
        ),
    }
)


@given(CALLS, CALLS, st.sampled_from([("near",), ("far", "near")]))
@settings(max_examples=400)
def test_calls_that_differ_in_anything_that_matters_differ_in_name(one, other, allowed):
    same = matters(one) == matters(other)
    assert (name(plain(**one), allowed=allowed) == name(plain(**other), allowed=allowed)) == same


def matters(said):
    tags = {key: value for key, value in said["tags"].items() if value}
    shared = {key: tags[key] for key in ("team", "project") if key in tags}
    return {**said, "tags": shared or {"key": tags.get("key", "")}}


def test_a_wider_clearance_and_a_narrower_one_share_nothing():
    one = plain()
    assert name(one, allowed=("near",)) != name(one, allowed=("near", "far"))


def test_who_is_in_no_team_shares_with_no_team_of_his_name():
    one, other = plain(tags={"key": "web"}), plain(tags={"team": "web"})
    assert len({name(one), name(other), name(plain(tags={"project": "web"}))}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "vllm"},
        {"model": msgspec.structs.replace(NEAR.model, digest="sha256:1")},
        {"model": msgspec.structs.replace(NEAR.model, revision="2")},
        {"chat_template": "llama"},
        {"region": "eu"},
        {"urls": ("http://elsewhere",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_deployment_of_the_same_name_is_another_route(change):
    other = msgspec.structs.replace(NEAR, **change)
    assert route_digest(task(), [NEAR]) != route_digest(task(), [other])


def test_how_long_answers_are_kept_is_no_part_of_the_question():
    assert name(plain(task={"cache": CACHE})) == name(plain(task={"cache": CacheSettings(5.0)}))


JSON_VALUES = st.sampled_from([None, True, False, 0, 1, "", "a", [], ["a"], {}, {"a": 1}])
FREE = st.dictionaries(
    st.sampled_from(["seed", "stop", "x", "y", "service_tier", "user", "stream", "metadata"]),
    JSON_VALUES,
    max_size=2,
)
TALK = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": st.sampled_from(["a", "b"])}
    ),
    min_size=1,
    max_size=2,
)
TOOLS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["f", "g"]), "description": st.sampled_from(["", "d"])}
    ),
    max_size=2,
)


def chat(talk, tools, free):
    told = [{"type": "function", "function": {**one, "parameters": {}}} for one in tools]
    return {"messages": talk, **({"tools": told} if told else {}), **free}


def messages(talk, tools, free):
    told = [{**one, "input_schema": {"type": "object"}} for one in tools]
    return {"messages": talk, "max_tokens": 9, **({"tools": told} if told else {}), **free}


def responses(talk, tools, free):
    told = [{"type": "function", **one, "parameters": {}} for one in tools]
    return {"input": talk, **({"tools": told} if told else {}), **free}


FORMATS = [(OpenAIChat(), chat), (AnthropicMessages(), messages), (OpenAIResponses(), responses)]


@pytest.mark.parametrize(("codec", "form"), FORMATS, ids=lambda one: getattr(one, "kind", ""))
@given(talks=st.tuples(TALK, TALK), tools=st.tuples(TOOLS, TOOLS), free=st.tuples(FREE, FREE))
@settings(max_examples=150)
def test_no_two_requests_of_clients_that_differ_have_one_name(codec, form, talks, tools, free):
    bodies = [form(*one) for one in itertools.product(talks, tools, free)]
    names = {}
    for body in bodies:
        try:
            inbound = codec.read_request(json.dumps({"model": "m", **body}).encode(), {})
        except AIHandlerError:
            continue
        made = plain(asked=inbound.request, messages=inbound.request.messages)
        told = json.dumps(without_asides(body), sort_keys=True)
        assert names.setdefault(name(made), told) == told


def without_asides(body):
    return {k: v for k, v in body.items() if k not in ("user", "metadata", "stream")}


def test_what_a_client_says_of_its_version_counts():
    body = b'{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}'
    names = set()
    for beta in ("", "one-2025-01-01", "two-2025-01-01"):
        read = AnthropicMessages().read_request(body, {"anthropic-beta": beta}).request
        names.add(name(plain(asked=read, messages=read.messages)))
    assert len(names) == 3


@pytest.mark.parametrize("more", [{"conversation": "c1"}, {"background": True}])
def test_what_depends_on_more_than_it_says_has_no_name(more):
    body = json.dumps({"model": "m", "input": "hi", **more}).encode()
    read = OpenAIResponses().read_request(body, {}).request
    assert name(plain(asked=read, messages=read.messages)) == b""


def test_several_answers_at_once_have_no_name():
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "a"}], "n": 2})
    read = OpenAIChat().read_request(body.encode(), {}).request
    assert name(plain(asked=read, messages=read.messages)) == b""


def test_text_that_cannot_be_written_has_no_name():
    assert name(plain(text="\ud800")) == b""


# What is found


def test_an_equal_call_is_answered_without_an_attempt():
    made = fakes()
    first, second = asked(made), asked(made)
    assert (first.cached, second.cached.call_id) == (None, first.call_id)
    assert (second.value, second.validity, second.route) == (
        first.value,
        first.validity,
        first.route,
    )
    assert (second.attempts, second.cost.marginal, second.cached.usage) == (
        (),
        0,
        first.attempts[-1].usage,
    )
    assert deployments_asked(made) == ["near"]
    hit = made.journal.hits[0]
    assert (hit.source, hit.deployment, hit.task) == (first.call_id, "near", "triage")
    assert hit.clearance in made.journal.clearances


def test_without_a_wish_of_task_and_call_nothing_is_kept():
    made = fakes()
    asked(made, None)
    asked(made, use="off")
    assert made.shelf.kept == {}


def test_whoever_wants_it_anew_gets_it_and_the_next_one_that():
    words = iter(["billing", "bug", "billing"])
    made = fakes(lambda *_: next(words))
    assert [asked(made).value, asked(made, use="renew").value, asked(made).value] == [
        "billing",
        "bug",
        "bug",
    ]


def test_looks_and_kept_answers_are_told_of_with_their_task():
    made, seen = fakes(), []
    made.engine.watch_cache(lambda *event: seen.append(event))
    for use in ("use", "use", "renew", "off"):
        asked(made, use=use)
    asked(made, None)
    # Whoever wants it anew has looked for nothing, and leaves an answer there.
    events = ("miss", "kept", "hit", "kept")
    assert seen == [("triage", event) for event in events]


def test_an_answer_that_could_not_be_kept_is_told_as_a_miss_alone():
    made, seen = fakes(shelf=Shelf(broken=True)), []
    made.engine.watch_cache(lambda *event: seen.append(event))
    asked(made)
    assert seen == [("triage", "miss")]


@pytest.mark.parametrize(("pause_s", "hits"), [(59.9, 1), (60.0, 0), (-1.0, 0)])
def test_an_answer_is_kept_for_its_time(pause_s, hits):
    made = fakes()
    asked(made)
    made.clock.advance(pause_s)
    asked(made)
    assert len(made.journal.hits) == hits


def test_a_shorter_time_holds_for_what_is_kept_already():
    made = fakes()
    asked(made)
    made.clock.advance(30)
    asked(made, CacheSettings(20.0))
    assert made.journal.hits == []


def test_who_may_not_be_asked_now_has_not_answered_either():
    made = fakes()
    asked(made)
    off = Snapshot(unavailable={"near": "switched off"})
    made.engine._snapshot = lambda: off
    assert asked(made).route == "far"
    assert made.journal.hits == []


def test_who_is_down_may_still_have_answered():
    made = fakes()
    asked(made)
    down = Snapshot(set_aside={"near": "keeps failing"})
    made.engine._snapshot = lambda: down
    assert asked(made).cached is not None


def test_a_default_is_not_kept():
    made = fakes("nonsense", "nonsense")
    for _ in range(2):
        assert asked(made, otherwise=Default("bug")).cached is None
    assert made.shelf.kept == {}


@pytest.mark.parametrize(
    "reply",
    [
        Reply((Text("a"), ToolCall("1", "f", "{}")), "stop"),
        Reply((ToolCall("1", "f", "{}"),), "tool_calls"),
        Reply((Text("a"),), "length"),
        Reply((Text("a"),), "pause"),
        Reply((Text("a"),), "other"),
    ],
    ids=["a call beside", "tool_calls", "length", "pause", "other"],
)
def test_a_turn_that_is_not_the_end_is_not_kept(reply):
    made = fakes(lambda *_: reply)
    body = b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}'
    read = OpenAIChat().read_request(body, {}).request
    one = call(
        task(output=TextOutput(), cache=CACHE),
        messages=read.messages,
        asked=read,
        cache="use",
    )
    assert made.run(one).reply.finish == reply.finish
    assert made.shelf.kept == {}


@pytest.mark.parametrize("finish", ["pause", "other"])
def test_nor_is_a_tasks_own_answer_that_did_not_come_to_its_end(finish):
    made = fakes(lambda *_: Reply((Text("half of"),), finish))
    assert asked(made, output=TextOutput()).value == "half of"
    assert made.shelf.kept == {}


def test_a_store_that_fails_is_one_that_has_nothing(caplog):
    made = fakes(shelf=Shelf(broken=True))
    assert [asked(made).value for _ in range(3)] == ["billing"] * 3
    # Said once in a while, not for every call.
    assert len(caplog.records) == 1


def test_a_hit_that_cannot_be_written_down_is_not_told():
    made = fakes()
    asked(made)
    made.journal.full = True
    with pytest.raises(StorageError):
        asked(made)


def test_of_equal_calls_at_once_one_is_asked_and_each_when_nothing_was_kept():
    async def all_at_once(made, asking):
        return await asyncio.gather(*(made.engine.run(asking) for _ in range(4)))

    made, seen = fakes(), []
    made.engine.watch_cache(lambda _, event: seen.append(event))
    lucky = call(task(cache=CACHE), cache="use", reuse=False)
    answers = asyncio.run(all_at_once(made, lucky))
    assert len(made.journal.entries) == 1
    assert [answer.cached is None for answer in answers] == [True, False, False, False]
    assert sorted(seen) == ["hit", "hit", "hit", "kept", "miss"]
    # Of what is not kept, nobody waits for the one before him and then for the next.
    made = fakes("nonsense", "nonsense")
    limits = msgspec.structs.replace(task().limits, reasks=0)
    unlucky = task(cache=CACHE, otherwise=Default("bug"), limits=limits)
    asking = call(unlucky, cache="use", reuse=False)
    assert len(asyncio.run(all_at_once(made, asking))) == 4
    assert len(made.journal.entries) == 8


def test_a_stream_is_kept_and_told_as_one():
    async def streamed(made):
        asking = call(task(output=TextOutput(), cache=CACHE), cache="use")
        return [event async for event in made.engine.stream(asking)]

    made, seen = fakes("Hello there"), []
    made.engine.watch_cache(lambda _, event: seen.append(event))
    first, second = (asyncio.run(streamed(made)) for _ in range(2))
    assert len(first) > 1
    assert [event.value for event in second] == ["Hello there"]
    assert second[0].cached.call_id == "call-1"
    assert seen == ["miss", "kept", "hit"]
