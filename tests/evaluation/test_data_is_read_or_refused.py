"""Labelled data out of files: every mistake with its file and line."""

import random
from pathlib import Path

import pytest

from aihandler.domain.labels import DataClass
from aihandler.domain.task import (
    Example,
    Examples,
    JsonOutput,
    LabelOutput,
    Task,
    TextOutput,
)
from aihandler.errors import InputError
from aihandler.evaluation.datasets import dataset, from_file, sample, without_learned
from aihandler.evaluation.observations import Item

LABELS = Task("triage", "1", output=LabelOutput(("bug", "billing")))
INVOICE = Task(
    "extract",
    "1",
    output=JsonOutput(
        {
            "type": "object",
            "properties": {"total": {"type": "number"}, "vendor": {"type": "string"}},
            "required": ["total"],
        }
    ),
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    table = written(
        tmp_path,
        "a.csv",
        'input,expected,cluster,tags,class\n"no, light",bug,acme,"dark, old",confidential\n'
        "my bill,billing,,,\n",
    )
    lines = written(
        tmp_path,
        "b.jsonl",
        '{"input": "my bill", "expected": "billing"}\n\n'
        '{"input": {"text": "no, light"}, "expected": "bug", "cluster": "acme", '
        '"tags": ["dark", "old"], "class": "confidential"}\n',
    )
    one, other = from_file(table, LABELS), from_file(lines, LABELS)
    first = one.items[0]
    assert first.fields == {"text": "no, light"}
    assert (first.expected, first.cluster, first.tags) == ("bug", "acme", ("dark", "old"))
    assert first.data_class is DataClass.CONFIDENTIAL
    assert one.items[1].data_class is DataClass.INTERNAL
    # The version of data is what it says, in any order, under any name.
    assert one.digest == other.digest


def test_fields_of_a_task_are_columns(tmp_path: Path) -> None:
    task = Task("mail", "1", output=TextOutput(), fields=("subject", "text"))
    path = written(tmp_path, "a.csv", "subject,text,expected\nhi,there,hello\n")
    assert from_file(path, task).items[0].fields == {"subject": "hi", "text": "there"}


def test_json_answers_are_json_or_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.csv", 'text,expected,total,vendor\nx,"{""total"": 3}",,\ny,,4.5,12\n'
    )
    one, other = from_file(path, INVOICE).items
    assert one.expected == {"total": 3}
    assert other.expected == {"total": 4.5, "vendor": "12"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "input,expected\nx,bug\ny,bugg\n", r"a.csv:3: the expected answer is not in"),
        ("a.csv", "expected\nbug\n", r"a.csv:2: has no 'text'"),
        ("a.csv", "input,expected\nx,bug,1\n", r"a.csv:2: more cells"),
        ("a.csv", 'input,expected\n"x,bug\n', r"a.csv:\d: is no CSV"),
        ("a.csv", "input,expected\n", r"holds no examples"),
        ("a.csv", "input,expected,class\nx,bug,secret\n", r"a.csv:2: 'secret' is not a data class"),
        ("a.csv", "id,input\n1,x\n1,y\n", r"the id '1' stands there twice"),
        ("a.jsonl", '{"input": "x"}\n[1]\n', r"a.jsonl:2: is no JSON object"),
        ("a.txt", "x", r"a.txt: is neither CSV nor JSON Lines"),
        ("a.csv", "\udcff", r"is no UTF-8"),
    ],
)
def test_mistakes_are_told_with_file_and_line(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=told):
        from_file(path, LABELS)


def test_an_answer_that_the_schema_forbids_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"text": "x", "expected": {"total": "much"}}\n')
    with pytest.raises(InputError, match=r"a.jsonl:1: the expected answer does not fit the schema"):
        from_file(path, INVOICE)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        from_file(tmp_path / "none.csv", LABELS)


def items(count: int) -> list[Item]:
    return [Item(str(n), {"text": f"text {n}"}, "bug") for n in range(count)]


def test_the_digest_does_not_depend_on_order_or_ids() -> None:
    some = items(20)
    shuffled = some[:]
    random.Random(1).shuffle(shuffled)
    renamed = [Item(f"x{i.id}", i.fields, i.expected) for i in some]
    digests = {dataset("a", some).digest, dataset("b", shuffled).digest}
    assert digests == {dataset("c", renamed).digest}
    assert dataset("d", some[1:]).digest not in digests


def test_what_stands_there_twice_is_asked_once() -> None:
    twice = [*items(3), Item("again", {"text": "text 1"}, "bug")]
    assert len(dataset("a", twice).items) == 3


def test_a_sample_is_the_same_for_any_order() -> None:
    some = items(50)
    backwards = some[::-1]
    one = sample(dataset("a", some), 10, seed=3)
    assert one.digest == sample(dataset("a", backwards), 10, seed=3).digest
    assert one.digest != sample(dataset("a", some), 10, seed=4).digest
    assert len(sample(dataset("a", some), 99, seed=3).items) == 50


def test_nobody_is_examined_on_what_was_shown_or_learned() -> None:
    rows = tuple(Example({"text": f"text {n}"}, "bug") for n in range(4))
    task = Task("t", "1", output=LABELS.output, examples=Examples(rows), shots=1)
    data = dataset("a", items(6))
    assert [i.id for i in without_learned(data, task, classifier=False).items] == list("12345")
    assert [i.id for i in without_learned(data, task, classifier=True).items] == ["4", "5"]
