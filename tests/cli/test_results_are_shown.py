"""`aihandler run` and what one asks of its ledger afterwards."""

import json
from pathlib import Path

from cli.commands import Command


def test_a_run_says_what_is_valid_and_what_waits(folder: Path, aihandler: Command) -> None:
    ran = aihandler("run", "office", "--input", "documents", "--out", "out.jsonl")
    assert ran.code == 1
    assert "3 documents through 'office'" in ran.out
    assert "valid    5 of 6 answers (83.3%); 1 wait for a person" in ran.out
    assert "next     aihandler review list" in ran.out


def test_a_run_without_open_work_exits_0(folder: Path, aihandler: Command) -> None:
    assert aihandler("run", "line", "--input", "documents").code == 0


def test_a_run_says_what_was_kept_here_and_why(folder: Path, aihandler: Command) -> None:
    shown = aihandler("run", "office", "--input", "documents").out
    assert "restricted      1  here" in shown
    assert "gpt: hosting is vendor, not self" in shown
    assert "nothing left your machines" in shown


def test_a_candidate_without_its_key_is_named_and_not_asked(
    folder: Path, aihandler: Command
) -> None:
    told = aihandler("run", "office", "--input", "documents").err
    assert "gpt is not asked: no value for ${OPENAI_API_KEY}: it is not set" in told


def test_run_json_is_json_and_nothing_else(folder: Path, aihandler: Command) -> None:
    ran = aihandler("run", "office", "--input", "documents", "--json")
    assert ran.json["documents"] == 3
    assert ran.json["open"] == {"total": {"review": 1}}


def test_labels_tell_how_much_is_right(folder: Path, aihandler: Command) -> None:
    label = {"id": "bill.txt", "expected": {"total": {"invoice_number": "INV-77", "total": 12}}}
    (folder / "labels.jsonl").write_text(json.dumps(label) + "\n")
    ran = aihandler("run", "office", "--input", "documents", "--labels", "labels.jsonl")
    assert "right    total: 50.0% of 2 fields filled (total 0%)" in ran.out


def test_a_broken_line_of_labels_is_named(folder: Path, aihandler: Command) -> None:
    (folder / "labels.jsonl").write_text("{}\n")
    ran = aihandler("run", "office", "--input", "documents", "--labels", "labels.jsonl")
    assert ran.code == 2
    assert "labels.jsonl:1" in ran.err


def test_the_same_run_again_asks_for_nothing(ran: Path, aihandler: Command) -> None:
    before = aihandler("costs", "--by", "run", "--json").json
    again = aihandler("run", "office", "--input", "documents", "--json")
    assert again.json["reused"] == 3
    assert aihandler("costs", "--by", "run", "--json").json == before


def test_results_of_the_run_before_are_no_input(folder: Path, aihandler: Command) -> None:
    first = aihandler("run", "line", "--input", ".", "--out", "out.jsonl", "--json")
    again = aihandler("run", "line", "--input", ".", "--out", "out.jsonl", "--json")
    assert first.json["documents"] == again.json["documents"]


def test_costs_are_shown_by_task(ran: Path, aihandler: Command) -> None:
    shown = aihandler("costs").out
    assert "1 in review" in shown
    assert "in all $0" in shown


def test_costs_elsewhere_are_called_what_they_are(ran: Path, aihandler: Command) -> None:
    shown = aihandler("costs", "--as", "gpt")
    assert "the same answers by gpt; no such call was made" in shown.out
    assert "estimated at four characters each" in shown.out


def test_show_tells_every_attempt_of_a_document(ran: Path, aihandler: Command) -> None:
    shown = aihandler("show", "secret.txt", "--content").out
    assert "task total, restricted data" in shown
    assert "could go to: reader, summariser" in shown
    assert "reader valid (exact)" in shown
    assert "INV-78" in shown


def test_a_review_is_listed_shown_and_corrected(ran: Path, aihandler: Command) -> None:
    (item,) = aihandler("review", "list", "--json").json
    assert "note.txt" in aihandler("review", "list").out
    assert "printers in Dover" in aihandler("review", "show", item["id"]).out
    value = '{"invoice_number": "none", "total": 0}'
    assert aihandler("review", "correct", item["id"], value).code == 0
    assert "no items in review" in aihandler("review", "list").out


def test_a_correction_that_is_not_valid_is_refused(ran: Path, aihandler: Command) -> None:
    (item,) = aihandler("review", "list", "--json").json
    refused = aihandler("review", "correct", item["id"], '{"total": "much"}')
    assert refused.code == 2
    assert "invoice_number" in refused.err


def test_a_decided_review_is_in_the_next_outputs(ran: Path, aihandler: Command) -> None:
    (item,) = aihandler("review", "list", "--json").json
    aihandler("review", "correct", item["id"], '{"invoice_number": "none", "total": 0}')
    again = aihandler("run", "office", "--input", "documents", "--out", "out.jsonl")
    assert again.code == 0
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert {"invoice_number": "none", "total": 0} in [row["results"]["total"] for row in rows]


def test_forget_removes_the_texts_of_a_document(ran: Path, aihandler: Command) -> None:
    assert "removed" in aihandler("forget", "--document", "secret.txt").out
    assert "INV-78" not in aihandler("show", "secret.txt", "--content").out


def test_doctor_finds_a_bare_machine_in_order(ran: Path, aihandler: Command) -> None:
    found = aihandler("doctor")
    assert found.code == 0
    assert (
        "warning  deployment gpt: is not asked: no value for ${OPENAI_API_KEY}: it is not set"
        in found.out
    )
    assert "1 in review" in found.out
