"""What a classifier is taught: a task's labelled examples as texts and answers, checked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from aihandler.domain.keys import digest_text
from aihandler.domain.task import Example, Json, JsonOutput, LabelOutput, Task
from aihandler.errors import ConfigError, InputError

__all__ = [
    "Lesson",
    "Question",
    "document_text",
    "identity",
    "joined",
    "lesson",
    "questions",
    "thinned",
]

# Raise it when the same examples may give another model: it is part of every model's identity.
TRAINER = "classify-1"
TEXT_CHARS = 20_000
_MOST_LABELS = 2_000


class Question(msgspec.Struct, frozen=True):
    """One thing to decide about a text: one of `labels`, or nothing at all when `optional`.

    `name` is the property of the answer that holds it; "" when the answer is the label itself.
    """

    name: str
    labels: tuple[str, ...]
    optional: bool = False


class Lesson(msgspec.Struct, frozen=True):
    """Texts, and for each question the right answer to each text (None: no answer)."""

    texts: tuple[str, ...]
    answers: Mapping[str, tuple[str | None, ...]]


def questions(task: Task) -> tuple[Question, ...]:
    """What a classifier decides for `task`.

    Raises:
        ConfigError: the output is neither a label nor an object of enumerations.
    """
    if isinstance(task.output, LabelOutput):
        return (Question("", task.output.labels),)
    found = _questions_of(task.output.schema) if isinstance(task.output, JsonOutput) else None
    if not found:
        raise ConfigError(
            f"task {task.name!r}: `builtin/classify` cannot give its output",
            hint="it gives a label, or a JSON object of which every property is an `enum` of "
            "strings; give the task such an output or take the deployment off its candidates",
        )
    return found


def lesson(task: Task) -> Lesson:
    """The examples of `task`, checked.

    Raises:
        ConfigError: no examples, or a label without one.
        InputError: an example that has no text, or an answer that the task does not know.
    """
    asked = questions(task)
    rows = task.examples.rows
    if not rows:
        raise ConfigError(
            f"task {task.name!r}: `builtin/classify` has no examples to learn from",
            hint=f"name a csv or jsonl file of labelled texts in `tasks.{task.name}.examples`",
        )
    texts = tuple(document_text(row.fields, task.fields) for row in rows)
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise InputError(
                f"{_place(task, number)} has no text",
                hint=f"fill one of its fields ({', '.join(task.fields)}) or take it out",
            )
    answers = {
        question.name: tuple(
            _answer(task, row, question=question, number=number)
            for number, row in enumerate(rows, start=1)
        )
        for question in asked
    }
    for question in asked:
        _check(task, question, answers[question.name])
    # What has but one answer is known without looking: there is nothing to learn.
    learned = {name: given for name, given in answers.items() if len(set(given)) > 1}
    if not learned:
        raise ConfigError(
            f"task {task.name!r}: there is nothing to learn, every question has one answer only",
            hint="give the output at least two labels, each with examples",
        )
    return Lesson(texts, learned)


def thinned(task: Task, per_label: int | None) -> Task:
    """`task` with the first `per_label` examples of each answer; None: with all of them."""
    if per_label is None:
        return task
    seen: Counter[bytes] = Counter()
    rows = []
    for row in task.examples.rows:
        answer = msgspec.json.encode(row.expected, order="sorted")
        seen[answer] += 1
        if seen[answer] <= per_label:
            rows.append(row)
    examples = msgspec.structs.replace(task.examples, rows=tuple(rows))
    return msgspec.structs.replace(task, examples=examples)


def document_text(fields: Mapping[str, str], names: Sequence[str]) -> str:
    """The fields that a task names as one text, `text` first; each is cut to its share.

    At most TEXT_CHARS characters are looked at, so that a huge document costs no more than that.
    """
    share = TEXT_CHARS // max(len(names), 1)
    return joined({name: fields.get(name, "")[:share] for name in names}, names)


def joined(fields: Mapping[str, str], names: Sequence[str]) -> str:
    """The fields of these names, one after the other, `text` first."""
    ordered = sorted(names, key=lambda name: name != "text")
    return "\n".join(text for name in ordered if (text := fields.get(name, "")))


def identity(task: Task) -> str:
    """Names the weights that training on these examples gives: examples, output and trainer."""
    return digest_text("classify", TRAINER, task.fields, _shape(task), _rows(task.examples.rows))


def _questions_of(schema: Mapping[str, Json]) -> tuple[Question, ...] | None:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return None
    required = schema.get("required", ())
    found = []
    for name, inner in properties.items():
        labels = inner.get("enum") if isinstance(inner, Mapping) else None
        if not isinstance(labels, list | tuple) or not labels:
            return None
        if not all(isinstance(label, str) for label in labels):
            return None
        found.append(Question(name, tuple(labels), optional=name not in required))
    return tuple(found)


def _answer(task: Task, row: Example, *, question: Question, number: int) -> str | None:
    expected = row.expected
    if question.name:
        expected = expected.get(question.name) if isinstance(expected, Mapping) else ()
    if expected is None and question.optional:
        return None
    if isinstance(expected, str) and expected in question.labels:
        return expected
    # The wrong column of a table would be quoted here, so what stands there is not shown.
    what = f"{question.name!r}" if question.name else "the label"
    raise InputError(
        f"{_place(task, number)}: {what} is none of {_listed(question.labels)}",
        hint="correct the example, or add its label to the task's output",
    )


def _check(task: Task, question: Question, given: Sequence[str | None]) -> None:
    if len(question.labels) > _MOST_LABELS:
        raise ConfigError(
            f"task {task.name!r}: {len(question.labels)} labels are too many to learn",
            hint=f"`builtin/classify` takes up to {_MOST_LABELS}; group them",
        )
    missing = [label for label in question.labels if label not in set(given)]
    if missing:
        of = f" of {question.name!r}" if question.name else ""
        has = "has no example" if len(missing) == 1 else "have no example"
        word = "label" if len(missing) == 1 else "labels"
        raise ConfigError(
            f"task {task.name!r}: {word} {_listed(missing)}{of} {has} in {_source(task)}",
            hint="add at least five examples of each, or take the label out of the task's output",
        )


def _shape(task: Task) -> list[list[Json]]:
    try:
        return [[q.name, q.labels, q.optional] for q in questions(task)]
    except ConfigError:
        return []


def _rows(rows: Iterable[Example]) -> list[list[Json]]:
    return [[row.fields, row.expected] for row in rows]


def _place(task: Task, number: int) -> str:
    return f"task {task.name!r}: example {number} of {_source(task)}"


def _source(task: Task) -> str:
    return repr(task.examples.source) if task.examples.source else "its examples"


def _listed(labels: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown if len(labels) <= most else f"{shown} and {len(labels) - most} more"
