"""What deployments are compared on: a task's examples, corrections, or a file of one's own."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from aihandler.arguments import class_of
from aihandler.config.outputs import value_problem
from aihandler.config.schemas import compile_schema
from aihandler.domain.keys import digest_text
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json, JsonOutput, Task
from aihandler.errors import InputError
from aihandler.evaluation.observations import Dataset, Item
from aihandler.evaluation.rows import Row, read_rows

if TYPE_CHECKING:
    from aihandler.handler import Handler

_EXPECTED = ("expected", "label")


def dataset(name: str, items: Iterable[Item]) -> Dataset:
    """Items with the digest of their content, which does not depend on order or on ids.

    An item that stands there twice is kept once: it would be asked and paid once.
    """
    kept: dict[str, Item] = {}
    for item in items:
        kept.setdefault(content_digest(item), item)
    return Dataset(name, digest_text("dataset", sorted(kept)), tuple(kept.values()))


def content_digest(item: Item) -> str:
    """Names what an item says, whatever it is called."""
    tags = sorted(item.tags)
    return digest_text(
        "item", sorted(item.fields.items()), item.expected, item.cluster, tags,
        item.data_class.value,
    )  # fmt: skip


def from_file(path: Path, task: Task) -> Dataset:
    """A CSV or JSON Lines file: `input` (or the task's fields), `expected` (or `label`, or the
    properties of its schema), and where given `id`, `cluster`, `tags` and `class`.

    Raises InputError with file and line.
    """
    reading = _Reading(path, task)
    items = [reading.item(line, row) for line, row in read_rows(path)]
    if not items:
        raise InputError(f"{path}: holds no examples", hint="give it one example a line")
    _check_ids(path, items)
    return dataset(path.name, items)


def from_examples(handler: "Handler", task: str) -> Dataset:
    """The labelled examples of a task, and what people corrected since. Raises InputError."""
    configured = handler.task(task)
    examples = configured.examples
    corrected = corrections(handler, task)
    known = {_fields_digest(item.fields) for item in corrected}
    items = [
        Item(f"example {number}", dict(row.fields), row.expected, data_class=examples.data_class)
        for number, row in enumerate(examples.rows, start=1)
        # An open ledger has made examples of corrections already.
        if _fields_digest(row.fields) not in known
    ]
    if not (items or corrected):
        raise InputError(
            f"task {task!r} has no examples to compare on",
            hint="name a file with --data, or labelled examples in the task's `examples`",
        )
    return dataset(f"examples of {task}", [*items, *corrected])


def corrections(handler: "Handler", task: str) -> list[Item]:
    """What people corrected in answers of a task, each with the class of its document."""
    if not handler.ledger_path.exists():
        return []
    with handler.read_ledger() as ledger:
        found = ledger.queries.examples(task)
    return [
        Item(
            f"review {c.review_id}", c.fields, c.expected,
            tags=("corrected",), data_class=c.data_class,
        )
        for c in found
    ]  # fmt: skip


def without_learned(data: Dataset, task: Task, *, classifier: bool) -> Dataset:
    """Leaves out what the task shows to its models, and with `classifier` what one has learned.

    Whoever has seen the answers is not examined by them.
    """
    rows = task.examples.rows if classifier else task.examples.rows[: task.shots]
    known = {_fields_digest(row.fields) for row in rows}
    items = [item for item in data.items if _fields_digest(item.fields) not in known]
    return data if len(items) == len(data.items) else dataset(data.name, items)


def sample(data: Dataset, limit: int, *, seed: int) -> Dataset:
    """At most `limit` items by chance; the same ones whatever their order in the file."""
    ordered = sorted(data.items, key=content_digest)
    # S311: chance for a sample, not for a secret.
    chosen = random.Random(seed).sample(ordered, min(limit, len(ordered)))  # noqa: S311
    return dataset(data.name, chosen)


def own_answers(data: Dataset, deployments: Sequence[str]) -> int:
    """How many items expect what one of these deployments has answered: its own words are no
    measure of it.
    """
    tags = {answered_by(name) for name in deployments}
    return sum(not tags.isdisjoint(item.tags) for item in data.items)


def answered_by(deployment: str) -> str:
    """The tag of an item whose expected answer is a deployment's."""
    return f"answered by {deployment}"


def class_counts(data: Dataset) -> Mapping[DataClass, int]:
    """How many items there are of each data class."""
    counts: dict[DataClass, int] = {}
    for item in data.items:
        counts[item.data_class] = counts.get(item.data_class, 0) + 1
    return counts


def _fields_digest(fields: Mapping[str, str]) -> str:
    return digest_text("fields", sorted(fields.items()))


class _Reading:
    """Turns rows of one file into items of one task."""

    def __init__(self, path: Path, task: Task) -> None:
        self._path = path
        self._task = task
        schema = task.output.schema if isinstance(task.output, JsonOutput) else {}
        self._properties: Mapping[str, Json] = schema.get("properties", {})
        self._schema = compile_schema(schema) if schema else None

    def item(self, line: int, row: Row) -> Item:
        where = f"{self._path}:{line}"
        return Item(
            str(row.get("id") or f"{self._path.name}:{line}"),
            self._fields(where, row),
            self._expected(where, row),
            cluster=str(row.get("cluster") or ""),
            tags=_tags(row.get("tags")),
            data_class=_class(where, row),
        )

    def _fields(self, where: str, row: Row) -> dict[str, str]:
        wanted = self._task.fields
        given = row.get("input")
        if isinstance(given, Mapping):
            found = given
        elif given is not None and len(wanted) == 1:
            found = {wanted[0]: given}
        else:
            found = row
        missing = [name for name in wanted if found.get(name) is None]
        if missing:
            raise InputError(
                f"{where}: has no {', '.join(map(repr, missing))}",
                hint=f"task {self._task.name!r} reads {', '.join(wanted)}; a column `input` "
                "may hold it",
            )
        return {name: _text(found[name]) for name in wanted}

    def _expected(self, where: str, row: Row) -> Json:
        column = next((name for name in _EXPECTED if name in row), None)
        output = self._task.output
        value = None if column is None else row[column]
        if isinstance(output, JsonOutput):
            value = self._structured(where, row, value)
        elif value is not None:
            value = _text(value)
        if value is None:
            return None
        fits = self._schema is not None and self._schema.is_valid(value)
        problem = "" if fits else value_problem(value, output)
        if problem:
            raise InputError(
                f"{where}: the expected answer {problem}",
                hint="correct it: every deployment would be counted wrong",
            )
        return value

    def _structured(self, where: str, row: Row, value: Json) -> Json:
        if isinstance(value, str):
            try:
                return msgspec.json.decode(value)
            except (msgspec.DecodeError, RecursionError):
                raise InputError(
                    f"{where}: the expected answer is no JSON", hint="write it as JSON"
                ) from None
        if value is not None:
            return value
        found = {
            name: _typed(row[name], form)
            for name, form in self._properties.items()
            if row.get(name) is not None and name not in self._task.fields
        }
        return found or None


def _check_ids(path: Path, items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InputError(
                f"{path}: the id {item.id!r} stands there twice",
                hint="give each example an id of its own, or leave the column out",
            )
        seen.add(item.id)


def _class(where: str, row: Row) -> DataClass:
    try:
        stated = class_of(_text(row["class"])) if row.get("class") is not None else None
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from None
    return stated or DataClass.INTERNAL


def _tags(given: Json) -> tuple[str, ...]:
    if isinstance(given, str):
        given = given.replace(";", ",").split(",")
    listed = given if isinstance(given, list) else []
    return tuple(dict.fromkeys(tag for one in listed if (tag := str(one).strip())))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _typed(cell: Json, form: Json) -> Json:
    """A cell of a table as the value that the schema wants there."""
    wanted = form.get("type") if isinstance(form, Mapping) else None
    if not isinstance(cell, str) or wanted in {None, "string"}:
        return cell
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        return cell
