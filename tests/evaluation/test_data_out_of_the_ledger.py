"""`aihandler dataset from-ledger`: what was asked and answered, as far as it may be used."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from aihandler.domain.conversation import Message, message
from aihandler.domain.labels import DataClass
from aihandler.errors import AnswerRejected, StorageError
from aihandler.evaluation.datasets import from_examples, from_file
from aihandler.evaluation.past import Past, as_lines, fields_of, from_ledger
from aihandler.handler import Handler
from aihandler.testing import FakeServer
from cli.commands import Command, here
from evaluation.comparing_fakes import CONFIGURATION, configured, right

TEXTS = [f"invoice {n}\nis wrong (*)" for n in range(8)]


@pytest.fixture
def aihandler(capsys: pytest.CaptureFixture[str]) -> Command:
    return here(capsys)


@pytest.fixture
def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ledger: eight calls by one deployment, one of them confidential."""
    monkeypatch.chdir(tmp_path)
    with FakeServer("billing") as server:
        folder = configured(tmp_path, server)
        asyncio.run(_work(Handler.load(folder / "aihandler.yaml", environ={})))
    return folder


async def _work(handler: Handler) -> None:
    async with handler:
        for number, text in enumerate(TEXTS):
            data_class = DataClass.CONFIDENTIAL if number == 3 else None
            await handler.run("triage", text=text, data_class=data_class)


def loaded(folder: Path) -> Handler:
    return Handler.load(folder / "aihandler.yaml", environ={})


def taken(folder: Path, limit: int | None = None, seed: int = 7) -> Past:
    return from_ledger(loaded(folder), "triage", limit=limit, seed=seed)


def test_inputs_are_read_back_out_of_filled_prompts(worked: Path) -> None:
    past = taken(worked)
    assert sorted(item.fields["text"] for item in past.dataset.items) == TEXTS
    assert {item.expected for item in past.dataset.items} == {"billing"}
    assert {item.tags for item in past.dataset.items} == {("answered by small",)}
    assert (past.answered, past.corrected, past.gone, past.unreadable) == (8, 0, 0, 0)


def test_the_class_travels_with_each_item(worked: Path) -> None:
    past = taken(worked)
    classes = Counter(item.data_class for item in past.dataset.items)
    assert classes == {DataClass.INTERNAL: 7, DataClass.CONFIDENTIAL: 1}
    path = worked / "out.jsonl"
    path.write_bytes(as_lines(past.dataset))
    read = from_file(path, loaded(worked).task("triage"))
    assert read.digest == past.dataset.digest
    assert Counter(item.data_class for item in read.items) == classes


def test_what_was_forgotten_is_counted_and_not_there(worked: Path) -> None:
    with loaded(worked).read_ledger() as ledger:
        calls = ledger.queries.answered("triage")
        ledger.forget(call_id=calls[0].call_id)
    past = taken(worked)
    assert (past.answered, past.gone) == (7, 1)
    assert TEXTS[0] not in {item.fields["text"] for item in past.dataset.items}


def test_another_prompt_by_now_is_counted_and_not_guessed(worked: Path) -> None:
    file = worked / "aihandler.yaml"
    file.write_text(file.read_text().replace("Which label?", "Say which label."))
    past = taken(worked)
    assert (past.answered, past.unreadable) == (0, 8)


def test_a_sample_is_seeded(worked: Path) -> None:
    one = taken(worked, limit=3)
    assert len(one.dataset.items) == 3
    assert one.dataset.digest == taken(worked, limit=3).dataset.digest
    assert one.dataset.digest != taken(worked, limit=3, seed=8).dataset.digest


def test_corrections_come_first_and_are_told_apart(worked: Path) -> None:
    text = "invoice 0\nis wrong (*)"
    with FakeServer("neither") as server:
        file = worked / "aihandler.yaml"
        file.write_text(CONFIGURATION.format(url=server.url))
        handler = loaded(worked)
        with pytest.raises(AnswerRejected) as caught, handler:
            handler.run_sync("triage", text=text, data_class="confidential")
    assert caught.value.review_id
    with loaded(worked).read_ledger() as ledger:
        ledger.correct_review(caught.value.review_id, "bug")
    past = taken(worked)
    first = past.dataset.items[0]
    assert (first.expected, first.tags, first.data_class) == (
        "bug",
        ("corrected",),
        DataClass.CONFIDENTIAL,
    )
    # The same text was once answered otherwise; the person is right.
    assert (past.corrected, past.answered) == (1, 7)
    (only,) = from_examples(loaded(worked), "triage").items
    assert only.expected == "bug"


def test_work_of_comparisons_is_nobodys_work(worked: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        (worked / "aihandler.yaml").write_text(CONFIGURATION.format(url=server.url))
        done = aihandler(
            "compare", "triage", "--deployments", "small,large", "--data", "data.jsonl", "--json"
        )
    assert done.code == 0, done.err
    assert taken(worked).answered == 8


def test_the_command_writes_a_file_for_its_owner_alone(worked: Path, aihandler: Command) -> None:
    done = aihandler("dataset", "from-ledger", "--task", "triage", "--limit", "4", "-o", "d.jsonl")
    assert done.code == 0
    assert "4 items: 0 corrected, 4 answered by a deployment" in done.err
    assert "not proven right" in done.err
    assert (worked / "d.jsonl").stat().st_mode & 0o777 == 0o600
    assert len((worked / "d.jsonl").read_text().splitlines()) == 4
    printed = aihandler("dataset", "from-ledger", "--task", "triage", "--limit", "4")
    assert printed.out == (worked / "d.jsonl").read_text()


def test_nobodys_own_words_are_evidence(worked: Path, aihandler: Command) -> None:
    aihandler("dataset", "from-ledger", "--task", "triage", "--limit", "4", "-o", "d.jsonl")
    compare = ("compare", "triage", "--data", "d.jsonl", "--deployments")
    path = worked / "d.jsonl"
    path.write_text(path.read_text().replace("confidential", "internal"))
    with FakeServer(right) as server:
        (worked / "aihandler.yaml").write_text(CONFIGURATION.format(url=server.url))
        own = aihandler(*compare, "small,large")
        with loaded(worked).read_ledger() as ledger:
            assert ledger.queries.comparisons() == []
        other = aihandler(*compare, "large")
    assert "4 items expect what one of these deployments has answered itself" in own.err
    assert (own.code, other.code) == (0, 0)
    with loaded(worked).read_ledger() as ledger:
        assert len(ledger.queries.comparisons()) == 1


def test_without_a_ledger_there_is_nothing(tmp_path: Path) -> None:
    with FakeServer("bug") as server:
        configured(tmp_path, server)
    with pytest.raises(StorageError, match="no ledger"):
        taken(tmp_path)


def test_fields_are_found_again_or_not_at_all() -> None:
    def fill(fields: dict[str, str]) -> tuple[Message, ...]:
        text = f"{fields['a']} | {fields['b']}"
        return message("system", "Be brief."), message("user", text)

    def cut(fields: dict[str, str]) -> tuple[Message, ...]:
        return (message("user", f"{fields['a'][:2]}"),)

    sent = fill({"a": "one", "b": "two\nlines"})
    assert fields_of(sent, ("a", "b"), fill) == {"a": "one", "b": "two\nlines"}  # type: ignore[arg-type]
    # A re-ask has more turns behind.
    more = (*sent, message("assistant", "x"), message("user", "again"))
    assert fields_of(more, ("a", "b"), fill) == {"a": "one", "b": "two\nlines"}  # type: ignore[arg-type]
    assert fields_of((message("user", "lo"),), ("a",), cut) is None  # type: ignore[arg-type]
    assert fields_of((), ("a",), cut) is None  # type: ignore[arg-type]
