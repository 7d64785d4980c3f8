"""`aihandler serve` keeps its promises while processes die and people switch things off."""

import json
import subprocess
import time

import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, kill_hard, run, serving, stop, until


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def folder(near, tmp_path):
    written(tmp_path, deployments({"near": near}) + POLICY)
    return tmp_path


def test_nobody_comes_in_without_a_key(folder, near):
    refused = subprocess.run(
        [*AIHANDLER, "serve", "--port", "0"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "aihandler keys create" in refused.stderr
    key = run(folder, "keys", "create", "ci", "--team", "web").strip()
    with serving(folder) as gateway:
        assert gateway.ask()[0] == 401
        assert gateway.ask(key=key[:-1] + "x")[0] == 401
        assert gateway.ask(key="ahk_aaaaaaaa_" + "b" * 43)[0] == 401
        assert near.calls == 0
        status, headers, _ = gateway.ask(key=key)
        assert status == 200
        call = headers["x-aihandler-call"]
        until(lambda: any(row[0] == call for row in gateway.entries()))
        shown = json.loads(run(folder, "costs", "--by", "tag:team", "--json"))
        assert "web" in json.dumps(shown)
        run(folder, "keys", "revoke", "ci")
        until(lambda: gateway.ask(key=key)[0] == 401, within_s=1.5)


def test_a_key_opens_only_what_it_names(folder, near):
    written(folder, deployments({"near": near, "other": near}) + POLICY)
    key = run(folder, "keys", "create", "ci", "--task", "model/other", "--route", "/v1/models")
    with serving(folder) as gateway:
        assert gateway.send("/v1/models", key=key.strip())[0] == 200
        assert gateway.ask(key=key.strip())[0] == 403


def test_a_switch_works_in_a_running_gateway_and_survives_a_restart(folder, near):
    with serving(folder, "--insecure-local") as gateway:
        assert gateway.ask()[0] == 200
        run(folder, "kill", "deployment", "near", "--reason", "too dear")
        began = time.monotonic()
        until(lambda: gateway.ask()[0] != 200, within_s=1.5)
        assert time.monotonic() - began < 1.5
        asked = near.calls
        status, _, said = gateway.ask()[:3]
        # It may be back, so a client that knows how tries later.
        assert status == 503
        assert b"too dear" in said
        assert near.calls == asked
    with serving(folder, "--insecure-local") as gateway:
        assert gateway.ask()[0] != 200
        run(folder, "revive", "deployment", "near")
        until(lambda: gateway.ask()[0] == 200, within_s=1.5)
        run(folder, "kill", "all")
        until(lambda: gateway.ask()[0] == 503, within_s=1.5)
        assert gateway.send("/healthz")[0] == 200
    assert "2 actions" not in run(folder, "audit", "verify")


def test_a_worker_that_is_killed_is_replaced_and_its_calls_are_booked(folder, near):
    near._constant = Scripted("late", delay_s=30.0)
    with serving(folder, "--insecure-local") as gateway:
        (worker,) = gateway.workers()
        waiting = subprocess.Popen(
            ["curl", "-s", "-m", "20", gateway.url + "/v1/chat/completions", "-d",
             '{"model":"near","messages":[{"role":"user","content":"hi"}]}']
        )  # fmt: skip
        until(lambda: near.calls == 1)
        kill_hard(worker)
        assert waiting.wait(10) != 0
        until(lambda: gateway.entries() and gateway.entries()[0][1] == "in_doubt")
        near._constant = Scripted("Hello.")
        until(lambda: gateway.workers() not in ([], [worker]))
        until(lambda: gateway.ask()[0] == 200)


def test_a_supervisor_that_is_killed_loses_no_entry(folder):
    with serving(folder, "--insecure-local") as gateway:
        for _ in range(5):
            assert gateway.ask()[0] == 200
        workers = gateway.workers()
        kill_hard(gateway.process.pid)
        for worker in workers:
            kill_hard(worker)
        gateway.process.wait()
    with serving(folder, "--insecure-local") as gateway:
        assert [state for _, state, _ in gateway.entries()] == ["settled"] * 5


def test_what_is_under_way_is_finished_before_the_end(folder, near):
    near._constant = Scripted("late", delay_s=1.0)
    with serving(folder, "--insecure-local") as gateway:
        waiting = subprocess.Popen(
            ["curl", "-s", "-m", "20", gateway.url + "/v1/chat/completions", "-d",
             '{"model":"near","messages":[{"role":"user","content":"hi"}]}'],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        until(lambda: near.calls == 1)
        stop(gateway.process)
        answer, _ = waiting.communicate(timeout=10)
        assert json.loads(answer)["choices"][0]["message"]["content"] == "late"
        assert [state for _, state, _ in gateway.entries()] == ["settled"]


def test_a_client_that_leaves_stops_its_upstream(folder, near):
    near._constant = Scripted("word " * 200, piece_delay_s=0.05)
    with serving(folder, "--insecure-local") as gateway:
        leaving = subprocess.Popen(
            ["curl", "-s", "-N", gateway.url + "/v1/chat/completions", "-d",
             '{"model":"near","stream":true,"messages":[{"role":"user","content":"hi"}]}'],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert leaving.stdout.readline()
        leaving.kill()
        leaving.wait()
        leaving.stdout.close()
        until(lambda: gateway.entries() and gateway.entries()[0][1] == "in_doubt", within_s=2)
