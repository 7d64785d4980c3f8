"""`aihandler demo`: the main job on a machine with no key, no server and nothing configured."""

import json
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from aihandler.backends.discovery import FoundServer
from aihandler.cli import demo as demo_module
from aihandler.cli import discovering
from aihandler.testing import spawn_server
from cli.commands import Command, Ran, started

DOCUMENTS = 298


# A key that happens to lie in the environment, and a terminal of the usual size.
BARE = {"OPENAI_API_KEY": "not-a-real-key", "COLUMNS": "80"}
DEMO = ("demo", "--no-local")


def accepted(folder: Path) -> int:
    ledger = folder / "aihandler-demo" / ".aihandler" / "ledger.sqlite"
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM work").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_killed_in_the_middle_it_goes_on_and_shows_one_screen(tmp_path: Path) -> None:
    with started(*DEMO, folder=tmp_path, env=BARE) as killed:
        while accepted(tmp_path) < 30:
            assert killed.poll() is None, "the demo ended before it could be killed"
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
    with started(*DEMO, folder=tmp_path, env=BARE) as ended:
        out, err = ended.communicate(timeout=120)
    screen = out.splitlines()
    assert ended.returncode == 0, err
    assert screen[0].startswith(f"{DOCUMENTS} documents through 'office'")
    assert "of them done before" in screen[0]
    assert len(screen) <= 42
    assert all(len(line) <= 80 for line in screen)
    assert "restricted      40 here" in out
    assert "nothing left your machines in this run" in out
    assert "elsewhere, by list price (no such call was made): llama-eu $0." in out
    assert "aihandler demo --use llama-eu" in out
    check_ledger_and_outputs(tmp_path / "aihandler-demo")


def check_ledger_and_outputs(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == DOCUMENTS
    states = {how["state"] for row in rows for how in row["how"].values()}
    assert states == {"done", "review", "skipped"}
    with sqlite3.connect(folder / ".aihandler" / "ledger.sqlite") as connection:
        asked = connection.execute("SELECT DISTINCT deployment FROM entry").fetchall()
        twice = connection.execute(
            "SELECT count(*) FROM (SELECT key FROM entry WHERE outcome = 'valid' "
            "GROUP BY key HAVING count(*) > 1)"
        ).fetchone()
    assert {name for (name,) in asked} == {"classifier", "reader", "summariser"}
    assert twice == (0,)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and a demo of two invoices."""
    monkeypatch.chdir(tmp_path)
    copy = demo_module.copy_demo

    def copied(folder: Path) -> None:
        copy(folder)
        for path in (folder / "documents").iterdir():
            if path.name != "invoices":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in sorted((folder / "documents" / "invoices").iterdir()):
            if path.name not in {"bakery.txt", "orrin-metals-9007.txt"}:
                path.unlink()

    monkeypatch.setattr(demo_module, "copy_demo", copied)
    return tmp_path


def local_server(monkeypatch: pytest.MonkeyPatch, *found: FoundServer) -> None:
    async def find() -> list[FoundServer]:
        return list(found)

    monkeypatch.setattr(discovering, "find_servers", find)


def test_a_model_server_of_this_machine_is_used_after_a_line_that_says_so(
    small: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spawn_server("--reply", "{}") as server:
        local_server(monkeypatch, FoundServer("llama.cpp", "llama-cpp", server.url, ("tiny",)))
        ran = aihandler("demo")
    assert "llama.cpp answers" in ran.err
    assert "its model 'tiny' is asked as 'local'" in ran.err
    assert "local" in costs_by_deployment(aihandler)


def test_a_relay_to_a_cloud_is_not_taken_for_a_local_server(
    small: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = FoundServer("LiteLLM", "generic", "http://127.0.0.1:4000", ("gpt",), relay="a proxy")
    local_server(monkeypatch, relay)
    assert aihandler("demo").code == 0
    assert "local" not in costs_by_deployment(aihandler)


def test_the_demo_again_changes_nothing(
    small: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: Ran = aihandler("demo", "--no-local", "--json")
    again: Ran = aihandler("demo", "--no-local", "--json")
    assert again.json["reused"] == again.json["documents"] == 2
    assert again.json["steps"] == first.json["steps"]


def costs_by_deployment(aihandler: Command) -> set[str]:
    rows = aihandler("costs", "--by", "deployment", "-c", "aihandler-demo/aihandler.yaml", "--json")
    return {row["key"] for row in rows.json}
