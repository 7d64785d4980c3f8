"""Clients of a gateway are held to budgets and limits, and read why in their own format."""

import json
import subprocess

import anthropic
import openai
import pytest

from aihandler.testing import FakeServer, Scripted
from budgets.spending import configured
from gateway.running import gateway as in_thread
from gateway.serving import AIHANDLER, kill_hard, run, serving, until

ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


def shown(folder):
    return {row["scope"]: row for row in json.loads(run(folder, "costs", "--budgets", "--json"))}


def test_clients_of_openai_and_anthropic_see_a_typed_error(tmp_path, near):
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000001}]")
    with in_thread(path) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
            with pytest.raises(openai.APIStatusError) as raised:
                client.chat.completions.create(model="near", messages=ASKED, max_tokens=100)
            assert raised.value.status_code == 402
            assert raised.value.code == "budget_exceeded"
            assert raised.value.type == "billing_error"
            assert "budget 'all' has $0.0000001 left" in raised.value.message
            assert raised.value.response.headers["x-aihandler-error"] == "budget_exceeded"
            with pytest.raises(openai.APIStatusError) as raised:
                client.chat.completions.create(
                    model="near", messages=ASKED, max_tokens=100, stream=True
                )
            assert raised.value.status_code == 402
        with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client:
            with pytest.raises(anthropic.APIStatusError) as raised:
                client.messages.create(model="near", messages=ASKED, max_tokens=100)
            assert raised.value.body["error"]["type"] == "billing_error"
    assert near.calls == 0


def test_who_has_to_wait_for_calls_under_way_is_told_to_come_back(tmp_path, near):
    near._constant = Scripted("late", delay_s=10.0)
    path = configured(tmp_path, {"near": near}, "budgets: [{usd: 0.0000003}]")
    with in_thread(path) as url:
        body = json.dumps({"model": "near", "messages": ASKED, "max_tokens": 100})
        waiting = subprocess.Popen(
            ["curl", "-s", "-m", "20", f"{url}/v1/chat/completions", "-d", body],
            stdout=subprocess.DEVNULL,
        )
        until(lambda: near.calls == 1)
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError) as raised:
                client.chat.completions.create(model="near", messages=ASKED, max_tokens=100)
            assert raised.value.code == "budget_exceeded"
            assert raised.value.response.headers["retry-after"] == "1"
        waiting.kill()
        waiting.wait()


def test_a_key_has_a_budget_of_its_own_over_two_workers(tmp_path, near):
    configured(tmp_path, {"near": near}, "")
    key = run(tmp_path, "keys", "create", "ci", "--team", "web", "--budget", "0.0000006/month")
    free = run(tmp_path, "keys", "create", "free").strip()
    with serving(tmp_path, "--workers", "2") as gateway:
        until(lambda: len(gateway.workers()) == 2)
        statuses = [gateway.ask(key=key.strip(), max_tokens=100)[0] for _ in range(26)]
        assert set(statuses) == {200, 402}
        assert statuses == sorted(statuses)
        assert gateway.ask(key=free, max_tokens=100)[0] == 200
        until(lambda: len(gateway.entries()) == statuses.count(200) + 1)
        row = shown(tmp_path)["key:ci"]
        assert row["limit_nano"] == 600
        assert row["spent_nano"] + row["reserved_nano"] <= 600
        assert row["spent_nano"] >= 0.6 * 600
    row = shown(tmp_path)["key:ci"]
    assert row["reserved_nano"] == 0
    assert row["left_nano"] == 600 - row["spent_nano"]


def test_a_worker_that_is_killed_has_spent_what_it_had_in_doubt(tmp_path, near):
    near._constant = Scripted("late", delay_s=30.0)
    configured(tmp_path, {"near": near}, "budgets: [{usd: 1, per: total}]")
    with serving(tmp_path, "--insecure-local") as gateway:
        (worker,) = gateway.workers()
        body = json.dumps({"model": "near", "messages": ASKED, "max_tokens": 100})
        waiting = subprocess.Popen(
            ["curl", "-s", "-m", "20", gateway.url + "/v1/chat/completions", "-d", body]
        )
        until(lambda: near.calls == 1)
        kill_hard(worker)
        assert waiting.wait(10) != 0
        until(lambda: gateway.entries() and gateway.entries()[0][1] == "in_doubt")
        row = shown(tmp_path)["all"]
        assert row["reserved_nano"] == 0
        # At the bound: the most that the call could cost.
        assert 100 < row["spent_nano"] < 1_000
        near._constant = Scripted("Hello.")
        until(lambda: gateway.workers() not in ([], [worker]))
        until(lambda: gateway.ask(max_tokens=100)[0] == 200)


@pytest.mark.nightly
def test_after_the_death_of_a_supervisor_its_workers_finish_before_the_next_begins(tmp_path, near):
    near._constant = Scripted("Hello there.", delay_s=2.5)
    configured(tmp_path, {"near": near}, "budgets: [{usd: 1, per: total}]")
    with serving(tmp_path, "--insecure-local") as gateway:
        body = json.dumps({"model": "near", "messages": ASKED, "max_tokens": 100})
        waiting = subprocess.Popen(
            ["curl", "-s", "-m", "20", gateway.url + "/v1/chat/completions", "-d", body],
            stdout=subprocess.PIPE,
        )
        until(lambda: near.calls == 1)
        kill_hard(gateway.process.pid)
        gateway.process.wait()
    with serving(tmp_path, "--insecure-local") as gateway:
        answer, _ = waiting.communicate(timeout=10)
        assert json.loads(answer)["choices"][0]["message"]["content"] == "Hello there."
        assert [row[1] for row in gateway.entries()] == ["settled"]
        row = shown(tmp_path)["all"]
        assert 0 < row["spent_nano"] < 100
        assert row["reserved_nano"] == 0


def test_the_table_of_budgets_is_for_people(tmp_path, near):
    rows = "budgets: [{usd: 10, per: total}, {team: '*', usd: 5}, {task: say, usd: 1.5, per: day}]"
    configured(tmp_path, {"near": near}, rows)
    table = run(tmp_path, "costs", "--budgets")
    assert "task:say" in table
    assert "$1.50" in table
    assert "team" not in table
    assert "UTC" in table


def test_a_budget_of_a_key_is_written_in_one_way(tmp_path, near):
    configured(tmp_path, {"near": near}, "")
    wrong = subprocess.run(
        [*AIHANDLER, "keys", "create", "ci", "--budget", "20 a month"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert "20/month" in wrong.stderr


def test_teams_users_and_tasks_have_their_minute(tmp_path, near):
    limits = """
limits:
  - {team: web, requests_per_minute: 4}
  - {user: "*", requests_per_minute: 3}
  - {task: say, requests_per_minute: 1}
"""
    configured(tmp_path, {"near": near}, limits)
    create = ("keys", "create")
    ann = run(tmp_path, *create, "a", "--team", "web", "--user", "ann").strip()
    bob = run(tmp_path, *create, "b", "--team", "web", "--user", "bob").strip()
    other = run(tmp_path, *create, "c").strip()
    with serving(tmp_path, "--workers", "2") as gateway:
        until(lambda: len(gateway.workers()) == 2)
        assert [gateway.ask(key=ann)[0] for _ in range(4)] == [200, 200, 200, 429]
        assert [gateway.ask(key=bob)[0] for _ in range(2)] == [200, 429]
        assert b"team:web has had its 4 requests" in gateway.ask(key=bob)[2]
        assert [gateway.ask("say", key=other)[0] for _ in range(2)] == [200, 429]
        assert gateway.ask(key=other)[0] == 200
