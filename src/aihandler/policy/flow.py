"""Which data classes reach a task: on its own, and at each step of each workflow."""

from collections.abc import Iterator, Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.config.expressions import Expression
from aihandler.domain.labels import ClassSource, DataClass, label
from aihandler.domain.task import CheckStep, FunctionStep, Step, Task, TaskStep, Workflow
from aihandler.policy.labels import labels_for

__all__ = ["Use", "uses_of"]

Corrections = Mapping[str, DataClass]


class Use(msgspec.Struct, frozen=True):
    """One place where a task is asked, and the classes that its data can have there, low to high.

    `given` is the lowest class of what reaches it from outside, the task's own class left out.
    """

    task: str
    classes: tuple[DataClass, ...]
    given: DataClass
    workflow: str = ""
    step: str = ""

    @property
    def place(self) -> str:
        """As the table shows it."""
        return f"{self.workflow} / {self.step}" if self.workflow else self.task


def uses_of(configuration: Configuration, corrections: Corrections) -> tuple[Use, ...]:
    """Every use of every task: on their own first, then by workflow.

    A task that only workflows with a class use is taken to be used there and nowhere else.
    """
    in_workflows = [
        use
        for workflow in configuration.workflows.values()
        for use in _uses_in(workflow, configuration.tasks, corrections)
    ]
    unlabelled = {u.task for u in in_workflows if not _has_class(configuration, u.workflow)}
    bound = {u.task for u in in_workflows} - unlabelled
    alone = [
        _use(task, tuple(DataClass), dict.fromkeys(DataClass, ()), corrections)
        for task in configuration.tasks.values()
        if task.name not in bound
    ]
    return (*alone, *in_workflows)


def _has_class(configuration: Configuration, workflow: str) -> bool:
    return configuration.workflows[workflow].data_class is not None


def _uses_in(
    workflow: Workflow, tasks: Mapping[str, Task], corrections: Corrections
) -> Iterator[Use]:
    least = workflow.data_class or DataClass.PUBLIC
    documents = tuple(c for c in DataClass if least <= c)
    # What each step made, for each class that the document may have.
    made: dict[DataClass, dict[str, DataClass]] = {c: {} for c in documents}
    for step in workflow.steps:
        reads = {c: _reads(step, made[c]) for c in documents}
        task = tasks.get(step.task) if isinstance(step, TaskStep) else None
        if task is not None:
            use = _use(task, documents, reads, corrections)
            yield msgspec.structs.replace(use, workflow=workflow.name, step=step.name)
        for c in documents:
            made[c][step.name] = (
                label((ClassSource("document", c), *reads[c])).data_class
                if task is None
                else _class_at(task, c, reads[c], corrections)
            )


def _use(
    task: Task,
    documents: tuple[DataClass, ...],
    reads: Mapping[DataClass, tuple[ClassSource, ...]],
    corrections: Corrections,
) -> Use:
    classes = {_class_at(task, c, reads[c], corrections) for c in documents}
    unstated = msgspec.structs.replace(task, data_class=DataClass.PUBLIC)
    given = [_class_at(unstated, c, reads[c], corrections) for c in documents]
    return Use(
        task.name, tuple(c for c in DataClass if c in classes), min(given, key=lambda c: c.rank)
    )


def _class_at(
    task: Task, document: DataClass, reads: tuple[ClassSource, ...], corrections: Corrections
) -> DataClass:
    corrected = corrections.get(task.name)
    more = () if corrected is None else (ClassSource("corrections", corrected),)
    return labels_for(task, document_class=document, reads=(*reads, *more)).data_class


def _reads(step: Step, made: Mapping[str, DataClass]) -> tuple[ClassSource, ...]:
    # Python code is handed all results, so it is taken to have read every one of them.
    named = frozenset(made) if isinstance(step, FunctionStep) else _names(step)
    return tuple(ClassSource(f"step {n}", c) for n, c in made.items() if n in named)


def _names(step: TaskStep | CheckStep) -> frozenset[str]:
    texts = [*step.reads.values()] if isinstance(step, TaskStep) else [step.holds]
    # A condition counts as read: that a step ran at all says something about what it names.
    expressions = [
        Expression(text, where=f"step {step.name!r}") for text in (*texts, step.when) if text
    ]
    return frozenset(name for expression in expressions for name in expression.names)
