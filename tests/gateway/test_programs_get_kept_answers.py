"""`Handler` has the same cache as the gateway; what is forgotten is forgotten there too."""

import asyncio
import contextlib
import sqlite3

import pytest
from click.testing import CliRunner

from aihandler import Handler
from aihandler.cli import cli
from aihandler.errors import BudgetExceeded, InputError
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written

TASKS = """
  own: {backend: builtin/summarise}
tasks:
  kept: {output: {text: true}, candidates: [near], cache: {ttl_s: 3600}}
  typed: {output: {schema: {type: object}}, candidates: [near], cache: {ttl_s: 3600}}
  short: {output: {text: true}, candidates: [own], cache: {ttl_s: 3600}}
keys:
  ann: {tenant: acme}
  bob: {tenant: other}
workflows:
  all: {steps: [kept]}
"""


@pytest.fixture
def near():
    with FakeServer('{"a": 18446744073709551617, "b": [1.0, "é"]}') as server:
        yield server


@pytest.fixture
def path(near, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return written(tmp_path, deployments({"near": near}) + TASKS[1:] + POLICY)


def run(path, *asked):
    """The answers to (task, text, key), in one program."""

    async def all_of_them():
        async with Handler.load(path) as handler:
            return [await handler.run(task, text=text, key=key) for task, text, key in asked]

    return asyncio.run(all_of_them())


def on_disk(path):
    file = path.parent / ".aihandler/ledger.cache.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as kept:
        return kept.execute("SELECT count(*) FROM answer").fetchone()[0]


def invoke(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_program_gets_what_it_had_before_also_after_a_restart(path, near):
    first = run(path, ("typed", "a", None))[0]
    second = run(path, ("typed", "a", None), ("typed", "b", None))
    assert [answer.cached is None for answer in second] == [False, True]
    assert second[0].value == first.value
    assert second[0].cost.usd == 0
    assert near.calls == 2
    assert "from the cache" in invoke("show", second[0].call_id)


def test_a_program_may_ask_anew_or_leave_the_cache_alone(path, near):
    async def asked(*uses):
        async with Handler.load(path) as handler:
            answers = [await handler.run("kept", text="a", cache=use) for use in uses]
        return [answer.cached is not None for answer in answers]

    assert asyncio.run(asked("off", "use", "renew", "use", "off")) == [False] * 3 + [True, False]
    assert near.calls == 4
    assert on_disk(path) == 1
    with pytest.raises(InputError, match="there is no use of the cache 'renewed'; did you mean"):
        asyncio.run(asked("renewed"))


def test_a_stream_of_a_program_comes_from_the_cache_too(path, near):
    async def streamed():
        async with Handler.load(path) as handler:
            return [event async for event in handler.stream("kept", text="a")]

    first, second = asyncio.run(streamed()), asyncio.run(streamed())
    assert second[-1].value == first[-1].value
    assert second[-1].cached.call_id == first[-1].call_id
    assert near.calls == 1


def test_keys_of_the_configuration_share_nothing(path, near):
    run(path, ("kept", "a", None), ("kept", "a", "ann"), ("kept", "a", "bob"))
    assert near.calls == 3


def test_a_run_over_documents_has_its_own_memory(path, near):
    async def mapped():
        async with Handler.load(path) as handler:
            return [result async for result in handler.map("all", ["a"])]

    run(path, ("kept", "a", None))
    (result,) = asyncio.run(mapped())
    assert result.steps["kept"].answer.cached is None
    assert on_disk(path) == 1


def test_what_a_call_was_told_can_be_forgotten_by_either_call(path):
    for which in (0, 1):
        calls = [answer.call_id for answer in run(path, *[("kept", "a", None)] * 2)]
        run(path, ("kept", "b", None))
        assert on_disk(path) == 2
        assert "1 kept for equal requests" in invoke("forget", "--call", calls[which])
        assert run(path, ("kept", "a", None))[0].cached is None
        invoke("forget", "--older-than", "0")
        assert on_disk(path) == 0


def test_what_a_tenant_was_told_can_be_forgotten(path):
    run(path, ("kept", "a", "ann"), ("kept", "a", "bob"))
    assert "1 kept for equal requests" in invoke("forget", "--tenant", "acme")
    ann, bob = run(path, ("kept", "a", "ann"), ("kept", "a", "bob"))
    assert (ann.cached is None, bob.cached is None) == (True, False)


def test_no_text_is_left_on_the_disk(path, near):
    near._constant = type(near._constant)("words that shall be forgotten")
    call = run(path, ("kept", "a", None))[0].call_id
    invoke("forget", "--call", call)
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    assert not any(b"shall be forgotten" in file.read_bytes() for file in files)


def test_explain_says_that_answers_are_kept(path):
    assert "within 60 min 0 s is answered from the cache" in invoke("explain", "kept")


def test_models_of_this_process_are_kept_too(path):
    text = "One. Two follows. Three is the last of them."
    first, second = run(path, *[("short", text, None)] * 2)
    assert (second.value, second.cached is not None) == (first.value, True)


def test_an_empty_budget_stops_no_answer_that_costs_nothing(near, tmp_path):
    text = (
        "version: 1\ndeployments:\n"
        f'  near: {{backend: openai, url: "{near.url}", model: m, hosting: self,'
        " price: {input: 1, output: 1}}\n"
        "tasks:\n  kept: {output: {text: true}, candidates: near, max_output_tokens: 50,"
        " cache: {ttl_s: 60}}\n"
        "budgets: [{task: kept, usd: 0.001}]\n"
    )

    async def many_questions(handler):
        for number in range(100):
            await handler.run("kept", text=str(number))

    async def spent_and_asked_again():
        async with Handler.load(written(tmp_path, text + POLICY)) as handler:
            with pytest.raises(BudgetExceeded):
                await many_questions(handler)
            return await handler.run("kept", text="0")

    assert asyncio.run(spent_and_asked_again()).cached is not None
