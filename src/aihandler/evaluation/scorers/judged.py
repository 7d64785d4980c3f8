"""Scorers that ask the checks of validation: schema, grounding, arithmetic."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from aihandler.domain.task import JsonOutput, Output, Task
from aihandler.errors import InputError
from aihandler.evaluation.scorers.case import Case, Score
from aihandler.evaluation.scorers.texts import written

if TYPE_CHECKING:
    from aihandler.validation import Validator

Judges = Callable[[Output], "Validator"]


def valid(task: Task, judges: Judges) -> Score:
    """1 when the answer has the form that the task asks for."""
    output = task.output
    if isinstance(output, JsonOutput):
        output = JsonOutput(output.schema)
    return _free_of("schema", output, judges)


def grounded(task: Task, judges: Judges) -> Score:
    """1 when the answer stands in its input: what the task lists as grounded, else every value."""
    output = _json_output(task, "grounded")
    pointers = output.grounded or ("/",)
    return _free_of("grounding", JsonOutput(output.schema, grounded=pointers), judges)


def arithmetic(task: Task, judges: Judges) -> Score:
    """1 when the task's sums hold."""
    output = _json_output(task, "arithmetic")
    if not output.arithmetic:
        raise InputError(
            f"task {task.name!r} has no `arithmetic` to score by",
            hint=f"write its sums into tasks.{task.name}.output.arithmetic",
        )
    return _free_of("arithmetic", JsonOutput(output.schema, arithmetic=output.arithmetic), judges)


def _free_of(kind: str, output: Output, judges: Judges) -> Score:
    validator = judges(output)

    def score(case: Case) -> float:
        source = "\n".join(case.item.fields.values())
        verdict = validator.check(written(case.answer), finish="stop", source=source)
        problems = {problem.kind for problem in verdict.problems}
        if kind == "schema":
            return float(verdict.ok)
        # A value that the schema forbids was not looked at any further.
        return float(not problems & {kind, "schema", "form"})

    return score


def _json_output(task: Task, name: str) -> JsonOutput:
    if isinstance(task.output, JsonOutput):
        return task.output
    kind = msgspec.structs.fields(type(task.output))[0].name
    raise InputError(
        f"scorer {name!r} looks at JSON; the output of task {task.name!r} is none ({kind})",
        hint="take `exact` or `normalised`",
    )
