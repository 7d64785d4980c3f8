"""Findings about classes that the file states and that cannot be true where they stand."""

from collections.abc import Iterator, Mapping, Sequence

from aihandler.config.configuration import Configuration
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Examples, Task
from aihandler.policy.findings import Finding
from aihandler.policy.flow import Use

__all__ = ["statement_findings"]


def statement_findings(
    configuration: Configuration, uses: Sequence[Use], corrections: Mapping[str, DataClass]
) -> Iterator[Finding]:
    """Compares each stated class with what arrives there.

    Every stated class is a least, and requests are raised to what they read: none of these lets
    data out. They are errors where the file says of data what never holds.
    """
    for task in configuration.tasks.values():
        own = [use for use in uses if use.task == task.name]
        yield from _task_below_its_input(configuration, task, own)
        yield from _examples_below_corrections(configuration, task, corrections.get(task.name))
    for workflow, data_class in configuration.workflows.items():
        stated = data_class.data_class
        if stated is not None:
            yield from _raised_within(workflow, stated, [u for u in uses if u.workflow == workflow])


def _task_below_its_input(
    configuration: Configuration, task: Task, uses: Sequence[Use]
) -> Iterator[Finding]:
    path = f"tasks.{task.name}.class"
    # The default is no statement; one that is built in Python leaves no line to tell it by.
    if not uses or (path not in configuration.lines and task.data_class is DataClass.PUBLIC):
        return
    least = min(uses, key=lambda use: use.given.rank)
    if task.data_class < least.given:
        yield Finding(
            "error",
            "class-lowered",
            f"task {task.name!r} states class {task.data_class.value}, "
            f"and all that it reads is at least {least.given.value} ({least.place})",
            path,
            hint=f"leave `class` out or say {least.given.value}; examples count as internal "
            "unless `examples: {class: public}` says otherwise",
        )


def _examples_below_corrections(
    configuration: Configuration, task: Task, corrected: DataClass | None
) -> Iterator[Finding]:
    path = f"tasks.{task.name}.examples.class"
    stated = task.examples.data_class
    if corrected is None or corrected <= stated:
        return
    if path in configuration.lines or stated is not Examples().data_class:
        yield Finding(
            "error",
            "class-lowered",
            f"the examples of task {task.name!r} are stated to be {stated.value}, "
            f"and corrections that became examples are {corrected.value}",
            path,
            hint=f"say `class: {corrected.value}`, or forget these corrections",
        )


def _raised_within(workflow: str, stated: DataClass, uses: Sequence[Use]) -> Iterator[Finding]:
    # The first class is that of a document which is exactly what the workflow states.
    raised = next((use for use in uses if stated < use.classes[0]), None)
    if raised is not None:
        yield Finding(
            "warning",
            "class-raised",
            f"workflow {workflow!r} states class {stated.value}, "
            f"and from step {raised.step!r} on data is {raised.classes[0].value}",
            f"workflows.{workflow}.class",
            hint=f"say `class: {raised.classes[0].value}`, so that the file shows what holds",
        )
