"""`aihandler apply`: a running gateway serves by another configuration, or goes on as it was."""

import json
import subprocess
import threading

import msgspec
import pytest

from aihandler.config import load
from aihandler.config.configuration import Configuration
from aihandler.errors import StorageError
from aihandler.gateway.snapshots import digest_of, read_snapshot, snapshot_path, write_snapshot
from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, kill_hard, run, serving, until

TASK = """
tasks:
  triage: {output: {label: [billing, bug]}, candidates: [near]}
"""


@pytest.fixture
def servers():
    with FakeServer("Hello there.") as near, FakeServer("From afar.") as far:
        yield {"near": near, "far": far}


@pytest.fixture
def folder(servers, tmp_path):
    written(tmp_path, deployments({"near": servers["near"]}) + POLICY)
    return tmp_path


def tried(folder, *arguments):
    done = subprocess.run(
        [*AIHANDLER, "apply", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_new_deployment_is_served_and_the_old_workers_end(folder, servers):
    with serving(folder, "--insecure-local", "--workers", "2") as gateway:
        before = gateway.workers()
        assert gateway.ask("far")[0] == 404
        written(folder, deployments(servers) + POLICY)
        assert "is in force" in run(folder, "apply")
        assert gateway.ask("far")[0] == 200
        until(lambda: len(gateway.workers()) == 2 and not set(gateway.workers()) & set(before))
        # A second change goes back to the regions of the first workers.
        written(folder, deployments({"near": servers["near"]}) + TASK + POLICY)
        run(folder, "apply")
        assert gateway.ask("far")[0] == 404
        assert "apply" in run(folder, "audit", "list")
        run(folder, "audit", "verify")


def test_no_request_is_dropped_while_it_changes(folder, servers):
    servers["near"]._constant = Scripted("late", delay_s=0.4)
    statuses, stopping = [], threading.Event()
    with serving(folder, "--insecure-local") as gateway:

        def ask_on():
            while not stopping.is_set():
                statuses.append(gateway.ask()[0])

        crowd = [threading.Thread(target=ask_on) for _ in range(4)]
        for one in crowd:
            one.start()
        until(lambda: len(statuses) > 4)
        written(folder, deployments(servers) + POLICY)
        run(folder, "apply")
        so_far = len(statuses)
        until(lambda: len(statuses) > so_far + 8)
        stopping.set()
        for one in crowd:
            one.join()
    assert set(statuses) == {200}


def test_a_wrong_file_leaves_the_old_in_force(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        (folder / "aihandler.yaml").write_text(
            "version: 1\ndeployments: {near: {backend: nothing}}"
        )
        code, told = tried(folder)
        assert code == 2
        assert "nothing" in told
        assert gateway.ask()[0] == 200
        # Neither does a worker that starts anew read the wrong file.
        (worker,) = gateway.workers()
        kill_hard(worker)
        until(lambda: gateway.workers() not in ([], [worker]))
        until(lambda: gateway.ask()[0] == 200)


def test_whoever_expects_another_one_is_told_so(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        written(folder, deployments(servers) + POLICY)
        code, told = tried(folder, "--expect", "0123456789abcdef")
        assert code == 3
        assert "was to be replaced" in told
        assert gateway.ask("far")[0] == 404
        in_force = json.loads(run(folder, "apply", "--json"))
        assert in_force["state"] == "in force"
        code, told = tried(folder, "--expect", in_force["digest"])
        assert code == 0, told


def test_what_holds_only_from_a_start_on_is_refused(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        text = deployments(servers) + "ledger: {content: false}\n" + POLICY
        written(folder, text)
        code, told = tried(folder)
        assert code == 2
        assert "only from a start on" in told
        assert gateway.ask("far")[0] == 404
        written(folder, deployments(servers) + POLICY)
        assert tried(folder)[0] == 0


def test_a_key_without_a_value_is_told_and_the_rest_holds(folder, servers, monkeypatch):
    with serving(folder, "--insecure-local") as gateway:
        # The gateway was started before: what is set here is of no use to it.
        monkeypatch.setenv("KEY_OF_THE_TEST", "here")
        key = 'model: far-1, key: "${KEY_OF_THE_TEST}"'
        keyed = deployments(servers).replace("model: far-1", key)
        written(folder, keyed + POLICY)
        for _ in range(2):
            code, told = tried(folder)
            assert code == 1
            assert "is in force" in told
            assert "'far' cannot be asked: no value for ${KEY_OF_THE_TEST}" in told
        assert gateway.ask()[0] == 200


def test_without_a_gateway_there_is_nobody_to_tell(folder):
    code, told = tried(folder)
    assert code == 2
    assert "no gateway serves" in told


def test_a_snapshot_is_the_configuration(folder, tmp_path):
    configuration = load(folder / "aihandler.yaml")
    digest = write_snapshot(tmp_path / "spools", configuration)
    path = snapshot_path(tmp_path / "spools", digest)
    assert read_snapshot(path) == configuration
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"\x91")
    with pytest.raises(StorageError, match="cannot be read"):
        read_snapshot(path)


def test_equal_files_have_one_digest_wherever_they_lie(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first = load(folder / "aihandler.yaml")
    moved = msgspec.structs.replace(first, file="x", lines={"a": 1})
    assert digest_of(first) == digest_of(moved)
    assert digest_of(first) != digest_of(msgspec.structs.replace(first, deployments={}))


def test_everything_that_a_file_can_say_survives(request):
    """The largest configuration of the tests, with every kind of output, step and credential."""
    right = request.path.parents[1] / "data" / "configs" / "right"
    known = load(right / "aihandler.yaml", import_code=False)
    assert known.workflows
    packed = msgspec.msgpack.encode(known)
    assert msgspec.msgpack.decode(packed, type=Configuration) == known
