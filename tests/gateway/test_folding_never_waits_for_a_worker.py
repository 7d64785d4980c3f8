"""While workers start, however slowly, what the others write is folded into the ledger."""

import os
import subprocess

import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, kill_hard, run, serving, until

# Holds up every worker that starts while the file `slow` lies in the folder; or ends it at once.
_STARTS = """
import os, sys, time
if "aihandler.gateway.worker" in sys.orig_argv:
    if os.path.exists("broken"):
        os._exit(7)
    while os.path.exists("slow"):
        time.sleep(0.02)
"""


@pytest.fixture
def servers():
    with FakeServer("Hello there.") as near, FakeServer("From afar.") as far:
        yield {"near": near, "far": far}


@pytest.fixture
def folder(servers, tmp_path, monkeypatch):
    written(tmp_path, deployments({"near": servers["near"]}) + POLICY)
    started = tmp_path / "started"
    started.mkdir()
    (started / "sitecustomize.py").write_text(_STARTS)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(started), os.environ.get("PYTHONPATH", "")])
    )
    return tmp_path


def is_folded(gateway) -> bool:
    """Asks once, and waits until the ledger has it."""
    status, headers, _ = gateway.ask()
    assert status == 200
    call = headers["x-aihandler-call"]
    return until(lambda: any(row[0] == call for row in gateway.entries()))


def test_while_another_configuration_starts(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        (before,) = gateway.workers()
        (folder / "slow").touch()
        written(folder, deployments(servers) + POLICY)
        applying = subprocess.Popen([*AIHANDLER, "apply"], cwd=folder, stdout=subprocess.PIPE)
        until(lambda: len(gateway.workers()) == 2)
        assert is_folded(gateway)
        assert applying.poll() is None
        assert gateway.ask("far")[0] == 404
        (folder / "slow").unlink()
        told, _ = applying.communicate(timeout=20)
        assert b"is in force" in told
        until(lambda: before not in gateway.workers())
        assert gateway.ask("far")[0] == 200


def test_while_another_takes_the_place_of_a_dead_one(folder):
    with serving(folder, "--insecure-local", "--workers", "2") as gateway:
        before = gateway.workers()
        (folder / "slow").touch()
        kill_hard(before[0])
        until(lambda: len(set(gateway.workers()) - set(before)) == 1)
        assert is_folded(gateway)
        (folder / "slow").unlink()


def test_workers_that_do_not_start_leave_the_old_in_force(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        before = gateway.workers()
        (folder / "broken").touch()
        written(folder, deployments(servers) + POLICY)
        refused = subprocess.run(
            [*AIHANDLER, "apply"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert "its workers did not start" in refused.stderr
        assert gateway.workers() == before
        assert is_folded(gateway)
        (folder / "broken").unlink()
        assert "is in force" in run(folder, "apply")


def test_a_change_waits_for_the_workers_before_the_last_one(folder, servers):
    """Slots of workers that still finish what is under way are not given out again."""
    with serving(folder, "--insecure-local", "--drain", "20") as gateway:
        servers["near"]._constant = Scripted("late", delay_s=3.0)
        first = subprocess.Popen(
            ["curl", "-s", gateway.url + "/v1/chat/completions", "-d",
             '{"model":"near","messages":[{"role":"user","content":"hi"}]}'],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        until(lambda: servers["near"].calls == 1)
        written(folder, deployments(servers) + POLICY)
        run(folder, "apply")
        written(folder, deployments({"far": servers["far"]}) + POLICY)
        run(folder, "apply")
        assert b"late" in first.communicate(timeout=20)[0]
        assert gateway.ask("far")[0] == 200
        # An intent may be folded a moment before its end is.
        until(lambda: [state for _, state, _ in gateway.entries()] == ["settled", "settled"])
