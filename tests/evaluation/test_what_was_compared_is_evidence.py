"""What a comparison has shown: `auto` goes by it and `explain` tells it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aihandler.domain.attempt import Candidate, Compared
from aihandler.handler import Handler
from aihandler.ledger import ComparedDeployment, ComparisonRecord
from aihandler.testing import FakeServer
from cli.commands import Command, here
from evaluation.comparing_fakes import CONFIGURATION, configured

AUTO = CONFIGURATION.replace("    candidates: [small, large]\n", "").replace(
    "hosting: self}}\n  large", "hosting: self, price: {{input: 0, output: 0}}}}\n  large"
)
AT = 1_795_000_000.0


@pytest.fixture
def aihandler(capsys: pytest.CaptureFixture[str]) -> Command:
    return here(capsys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with FakeServer("bug") as server:
        configured(tmp_path, server, AUTO)
    return tmp_path


def keep(handler: Handler, at: float = AT, n: int = 120, **changes: Any) -> None:
    """Small is held against large, and is worse."""
    identity = {name: handler.deployment(name).identity for name in ("large", "small")}
    rows = (
        ComparedDeployment("large", identity["large"], n, 0.94, 0.89, 0.97, 900, 20.0, "baseline"),
        ComparedDeployment("small", identity["small"], n, 0.8, 0.72, 0.86, 0, 9.0, "worse"),
    )
    record = ComparisonRecord(
        changes.pop("id", "abc"), at, "triage",
        changes.pop("version", handler.task("triage").version),
        "data.csv", "d" * 32, changes.pop("scorer", "exact"), 1, "",
        {"margin": 0.02}, changes.pop("rows", rows),
    )  # fmt: skip
    with handler:
        handler.ledger.keep_comparison(record)


def planned(handler: Handler) -> tuple[Candidate, ...]:
    return handler.explain("triage", text="x").candidates


def loaded() -> Handler:
    return Handler.load("aihandler.yaml", environ={})


def test_auto_takes_what_was_compared_and_not_first_what_was_shown_worse(folder: Path) -> None:
    assert planned(loaded()) == ()
    keep(loaded())
    large, small = planned(loaded())
    assert (large.deployment, small.deployment) == ("large", "small")
    assert large.quality is not None
    assert (large.quality.rate, large.quality.n, large.quality.source) == (0.94, 120, "compared")
    assert small.reason.endswith(
        "quality 0.8 (compared on 120 examples), shown worse in a comparison"
    )


def test_a_target_is_held_to_what_was_compared(folder: Path) -> None:
    file = folder / "aihandler.yaml"
    file.write_text(file.read_text() + "    quality: 0.9\n")
    keep(loaded())
    plan = loaded().explain("triage", text="x")
    assert [c.deployment for c in plan.candidates] == ["large"]
    assert plan.exclusions[-1].reason == (
        "quality is 0.8 (compared on 120 examples), the target is 0.9"
    )


def test_few_examples_are_no_evidence_of_quality(folder: Path) -> None:
    keep(loaded(), n=20)
    assert planned(loaded()) == ()


def test_what_was_shown_of_another_prompt_does_not_count(folder: Path) -> None:
    keep(loaded(), version="of another prompt")
    assert planned(loaded()) == ()


def test_what_was_shown_of_another_model_of_that_name_does_not_count(folder: Path) -> None:
    keep(loaded())
    file = folder / "aihandler.yaml"
    file.write_text(file.read_text().replace("model: small", "model: smaller"))
    assert [c.deployment for c in planned(loaded())] == ["large"]


@pytest.mark.parametrize("scorer", ["latency:2", "cost:0.001", "refusal"])
def test_time_money_and_refusals_are_no_evidence_of_quality(folder: Path, scorer: str) -> None:
    keep(loaded(), scorer=scorer)
    assert planned(loaded()) == ()


def test_the_newest_comparison_counts(folder: Path) -> None:
    keep(loaded(), at=AT + 10)
    identity = loaded().deployment("small").identity
    better = (ComparedDeployment("small", identity, 200, 0.97, 0.94, 0.99, 0, 9.0, "better"),)
    keep(loaded(), at=AT + 20, id="def", rows=better)
    keep(loaded(), at=AT)
    assert [c.deployment for c in planned(loaded())] == ["small", "large"]


def test_explain_tells_it(folder: Path, aihandler: Command) -> None:
    keep(loaded())
    told = aihandler("explain", "triage").out
    assert "     compared 2026-11-18 on 120 examples: 0.94 (0.89..0.97), baseline" in told
    assert "     compared 2026-11-18 on 120 examples: 0.80 (0.72..0.86), worse" in told
    assert aihandler("explain", "triage", "--json").json["candidates"][0]["compared"]["n"] == 120


def test_explain_tells_it_of_named_candidates_whose_order_stays(
    folder: Path, aihandler: Command
) -> None:
    file = folder / "aihandler.yaml"
    file.write_text(file.read_text() + "    candidates: [small, large]\n")
    keep(loaded())
    told = aihandler("explain", "triage").out
    assert told.index("1. small") < told.index("0.80 (0.72..0.86), worse") < told.index("2. large")


def test_the_same_comparison_made_again_takes_the_place_of_the_first(folder: Path) -> None:
    keep(loaded())
    keep(loaded(), at=AT + 1)
    with loaded().read_ledger() as ledger:
        (record,) = ledger.queries.comparisons()
    assert record.at == AT + 1
    assert [d.deployment for d in record.deployments] == ["large", "small"]
    assert record.findings == {"margin": 0.02}


def test_a_ledger_from_before_has_compared_nothing(folder: Path) -> None:
    keep(loaded())
    path = loaded().ledger_path
    with sqlite3.connect(path) as ledger:
        later = ("usage_day", "call_again", "allocated_hour", "unsummed", "configuration", "hit")
        for table in ("comparison", "compared", *later):
            ledger.execute(f"DROP TABLE {table}")
        ledger.execute("ALTER TABLE entry DROP COLUMN inspections")
        ledger.execute("DELETE FROM schema_version WHERE version >= 6")
    ledger.close()
    with loaded().read_ledger() as archive:
        assert archive.queries.comparisons() == []
        assert archive.queries.snapshot(AT).compared == {}


def test_only_worse_is_worse() -> None:
    assert Compared(AT, "1", "i", 9, 0.5, verdict="worse").worse
    assert not any(
        Compared(AT, "1", "i", 9, 0.5, verdict=verdict).worse
        for verdict in ("baseline", "not worse", "better", "not enough evidence", "")
    )
