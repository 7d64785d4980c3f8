"""Results are written whole, or the file stays as it was."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aihandler.domain.answer import Answer, DocumentResult, StepResult, Validity
from aihandler.domain.labels import DataClass
from aihandler.domain.usage import Cost
from aihandler.errors import ConfigError, StorageError
from aihandler.workflow.writers import write_results


def answer(value: object) -> Answer[object]:
    return Answer(
        value=value,
        validity=Validity.REPAIRED,
        route="llama",
        confidence=0.5,
        cost=Cost(marginal=1_500_000),
        call_id="c",
        data_class=DataClass.INTERNAL,
    )


RESULTS = [
    DocumentResult(
        "a.txt",
        DataClass.INTERNAL,
        {
            "triage": StepResult("triage", "done", answer("billing")),
            "extract": StepResult("extract", "done", answer({"total": 12.5, "vendor": "Ö, Ltd"})),
        },
    ),
    DocumentResult(
        "b.txt",
        DataClass.RESTRICTED,
        {"triage": StepResult("triage", "review", reason="not sure enough")},
    ),
]


def test_json_lines_hold_results_and_how_they_came_about(tmp_path: Path) -> None:
    write_results(tmp_path / "out.jsonl", lambda: RESULTS)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["results"] == {"triage": "billing", "extract": {"total": 12.5, "vendor": "Ö, Ltd"}}
    assert first["how"]["triage"]["validity"] == "repaired"
    assert first["how"]["triage"]["cost_usd"] == 0.0015
    assert second["how"]["triage"] == {"state": "review", "reason": "not sure enough"}


def test_a_table_has_a_column_for_each_key(tmp_path: Path) -> None:
    write_results(tmp_path / "out.csv", lambda: RESULTS)
    with (tmp_path / "out.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["triage"], first["extract.total"]) == ("billing", "12.5")
    assert first["extract.vendor"] == "Ö, Ltd"
    assert (second["triage"], second["triage.state"]) == ("", "review")


def test_a_database_has_a_row_for_each_step(tmp_path: Path) -> None:
    write_results(tmp_path / "out.sqlite", lambda: RESULTS)
    with closing(sqlite3.connect(tmp_path / "out.sqlite")) as database:
        rows = database.execute("select step, state, value from result order by 1, 2").fetchall()
    assert ("triage", "done", '"billing"') in rows
    assert ("triage", "review", None) in rows


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")

    def broken() -> Iterator[DocumentResult]:
        yield RESULTS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        write_results(tmp_path / "out.jsonl", broken)
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_an_unknown_form_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_results(tmp_path / "out.xml", lambda: RESULTS)


def test_a_key_that_is_called_like_a_column_of_ours_loses_nothing(tmp_path: Path) -> None:
    value = {"state": "CA", "route": "66", "total": 1}
    steps = {
        "extract": StepResult("extract", "done", answer(value)),
        "class": StepResult("class", "done", answer("invoice")),
    }
    write_results(tmp_path / "out.csv", lambda: [DocumentResult("a", DataClass.PUBLIC, steps)])
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["extract.state"], row["extract.value.state"]) == ("done", "CA")
    assert (row["extract.route"], row["extract.value.route"]) == ("llama", "66")
    assert (row["class"], row["class.value"]) == ("public", "invoice")


def test_documents_of_one_id_are_all_in_the_database(tmp_path: Path) -> None:
    write_results(tmp_path / "out.db", lambda: [*RESULTS, *RESULTS])
    with closing(sqlite3.connect(tmp_path / "out.db")) as database:
        (documents,) = database.execute("select count(*) from document").fetchone()
        (results,) = database.execute("select count(*) from result").fetchone()
    assert (documents, results) == (4, 6)
