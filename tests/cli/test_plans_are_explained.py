"""`aihandler explain` and `aihandler check`: where data may go, before any of it moves."""

from pathlib import Path

import pytest

from cli.commands import CONFIGURATION, Command


def test_explain_names_gates_order_cost_and_what_then(
    folder: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    explained = aihandler("explain", "total", "--input", "documents/bill.txt")
    assert explained.code == 0
    lines = explained.out.splitlines()
    assert lines[0] == "task total, internal data"
    assert "gates: every candidate passes" in lines
    assert "  1. reader: costs nothing more" in lines
    assert any(line.startswith("  2. gpt: about $0.00") for line in lines)
    assert lines[-1] == "no valid answer: it waits for a person (`aihandler review list`)"


def test_explain_gives_the_reason_of_each_exclusion(folder: Path, aihandler: Command) -> None:
    explained = aihandler("explain", "total", "--input", "documents/secret.txt").out
    assert "task total, restricted data" in explained
    assert "  class restricted\n    leaves out gpt: hosting is vendor, not self" in explained


def test_explain_calls_nothing(folder: Path, aihandler: Command) -> None:
    aihandler("explain", "total")
    assert not (folder / ".aihandler").exists()


def test_explain_exits_3_when_nobody_may_be_asked(folder: Path, aihandler: Command) -> None:
    only_vendor = CONFIGURATION.replace("candidates: [reader, gpt]", "candidates: [gpt]")
    (folder / "aihandler.yaml").write_text(only_vendor)
    refused = aihandler("explain", "total", "--class", "restricted")
    assert refused.code == 3
    assert "nobody: no deployment is left" in refused.out


def test_explain_json_is_the_plan(folder: Path, aihandler: Command) -> None:
    plan = aihandler("explain", "total", "--class", "public", "--json").json
    assert [candidate["deployment"] for candidate in plan["candidates"]] == ["reader"]


def test_check_proves_each_path(folder: Path, aihandler: Command) -> None:
    checked = aihandler("check", "--reasons")
    assert checked.code == 0
    assert "office / total" in checked.out
    assert "not gpt, hosting is vendor, not self [class restricted]" in checked.out
    assert "aihandler.yaml: no errors, no warnings" in checked.out


def test_check_exits_1_on_an_error_and_says_where(folder: Path, aihandler: Command) -> None:
    stuck = CONFIGURATION.replace("candidates: [reader, gpt]", "candidates: [gpt]")
    (folder / "aihandler.yaml").write_text(stuck.replace("    otherwise: review\n", ""))
    checked = aihandler("check")
    assert checked.code == 1
    assert "aihandler.yaml:" in checked.out
    assert "no deployment is left for" in checked.out


def test_check_json_is_the_proof(folder: Path, aihandler: Command) -> None:
    assert aihandler("check", "--json").json["findings"] == []
