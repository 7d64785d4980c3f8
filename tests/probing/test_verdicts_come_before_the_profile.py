"""What a probe has seen overlays the row of that deployment, as long as it is the same one."""

import asyncio

import msgspec
import pytest

from aihandler import Handler
from aihandler.backends.probing.overlay import COLUMNS, overlay
from aihandler.backends.profiles import Profile, load_profiles
from aihandler.domain.conversation import Request, message
from aihandler.domain.probes import Probed, ProbeVerdict, ServerVersion
from aihandler.domain.task import JsonOutput
from aihandler.testing import FakeServer
from probing.scripted_model import ScriptedModel, configured, probe

ROWS = load_profiles()


def test_only_columns_that_exist_are_overlaid():
    assert set(Profile.__struct_fields__) >= COLUMNS


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_stays_as_it_is_without_verdicts(row):
    assert overlay(row, []) == row


@pytest.mark.parametrize(
    "verdict",
    [
        ProbeVerdict("modes", ["native", "prompt"], source="docs"),
        ProbeVerdict("modes", None),
        ProbeVerdict("modes", ["by magic"]),
        ProbeVerdict("output_limit", 7),
        ProbeVerdict("hosts", ["evil.example"]),
        ProbeVerdict("name", "other"),
        ProbeVerdict("seed", "honoured"),
    ],
    ids=lambda verdict: f"{verdict.column} {verdict.value}",
)
def test_what_was_not_seen_or_is_no_column_changes_nothing(verdict):
    assert overlay(ROWS["generic"], [verdict]) == ROWS["generic"]


def test_a_mode_that_no_row_foresaw_sends_the_smallest_part_of_json_schema():
    seen = overlay(ROWS["generic"], [ProbeVerdict("modes", ["native", "prompt"])])
    assert (seen.modes, seen.schema_subset) == (("native", "prompt"), "openai-strict")
    assert overlay(ROWS["vllm"], [ProbeVerdict("modes", ["native"])]).schema_subset == "xgrammar"


@pytest.fixture
def near(tmp_path):
    with FakeServer(ScriptedModel("native")) as server:
        yield tmp_path, server


def modes(config):
    wanted = Request("t", (message("user", "hi"),), output=JsonOutput({"type": "object"}))
    with Handler.load(config) as handler:
        deployment = handler.deployment("near")
        means = handler.caller(deployment).schema_means(wanted, deployment, streamed=False)
    return [rung.mode for rung in means]


def test_a_later_run_goes_by_what_was_seen(near):
    folder, server = near
    assert modes(configured(folder, server.url)) == ["prompt"]
    probe(folder, server)
    assert modes(folder / "aihandler.yaml") == ["native", "prompt"]


@pytest.mark.parametrize(
    "changes", [{"profile": "ollama"}, {"more": "provider: someone"}, {"url": "http://127.0.0.1:9"}]
)
def test_another_address_model_or_profile_is_another_server(near, changes):
    folder, server = near
    probe(folder, server)
    config = configured(folder, **{"url": server.url, **changes})
    ships = ROWS[changes.get("profile", "generic")]
    assert modes(config)[:1] == list(ships.modes[:1])
    with Handler.load(config) as handler:
        assert asyncio.run(handler.probe_is_due("near"))


def test_the_newest_of_each_deployment_holds_and_what_nobody_can_read_is_left_out(near):
    folder, server = near
    first = probe(folder, server)
    later = msgspec.structs.replace(
        first, at=first.at + 1, server=ServerVersion("x", "2"), verdicts=()
    )
    strange = Probed(
        deployment="far", identity="", profile="p", server=ServerVersion(), at=0.0, verdicts=()
    )
    with Handler.load(folder / "aihandler.yaml") as handler:
        handler.ledger.keep_probe(later)
        handler.ledger.keep_probe(first)
        handler.ledger.keep_probe(strange)
    import sqlite3

    (path,) = folder.rglob("ledger.sqlite")
    with sqlite3.connect(path) as ledger:
        ledger.execute("UPDATE probe SET body = '{}' WHERE deployment = 'far'")
        assert ledger.execute("SELECT count(*) FROM probe").fetchone() == (3,)
    ledger.close()
    with Handler.load(folder / "aihandler.yaml") as handler:
        assert handler.probed() == {"near": later}
