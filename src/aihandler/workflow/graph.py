"""Workflows that are written in Python: the same checks that a file gets, before anything runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from aihandler.config.expressions import Expression
from aihandler.config.imports import source_version
from aihandler.config.words import did_you_mean
from aihandler.domain.task import CheckStep, FunctionStep, Step, Task, TaskStep, Workflow
from aihandler.errors import ConfigError

_DOCUMENT = "document"


def function_step(
    function: Callable[..., object], *, name: str = "", uses: Sequence[str] = (), when: str = ""
) -> FunctionStep:
    """A step that calls `function(document, results)`; `results` holds the steps that it `uses`.

    The function must stand at the top level of a module. Its source is its version: a run after a
    change does the step again.
    """
    reference = f"{function.__module__}:{function.__qualname__}"
    return FunctionStep(
        name or function.__name__, reference, source_version(function), when, tuple(uses)
    )


def check_workflow(workflow: Workflow, tasks: Mapping[str, Task]) -> Workflow:
    """The workflow, if every step reads only the document and steps before it.

    Raises ConfigError that names every mistake.
    """
    mistakes = list(_mistakes(workflow, tasks))
    if mistakes:
        raise ConfigError(f"workflow {workflow.name!r}: " + "; ".join(mistakes))
    return workflow


def _mistakes(workflow: Workflow, tasks: Mapping[str, Task]) -> Iterator[str]:
    if not workflow.steps:
        yield "it has no steps"
    earlier: list[str] = []
    for step in workflow.steps:
        if step.name in earlier or step.name == _DOCUMENT:
            yield f"two steps are called {step.name!r}, or one `document`"
        yield from _step_mistakes(step, earlier, tasks)
        earlier.append(step.name)


def _step_mistakes(step: Step, earlier: Sequence[str], tasks: Mapping[str, Task]) -> Iterator[str]:
    texts = [step.when] if step.when else []
    match step:
        case TaskStep():
            if step.task not in tasks:
                yield f"there is no task {step.task!r}; {did_you_mean(step.task, tasks)}"
            texts += step.reads.values()
        case CheckStep():
            texts.append(step.holds)
        case FunctionStep():
            for name in step.uses:
                if name not in earlier:
                    yield f"step {step.name!r} uses {name!r}, which is no step before it"
    for text in texts:
        for name in sorted(Expression(text, where=f"step {step.name!r}").names):
            if name != _DOCUMENT and name not in earlier:
                yield f"step {step.name!r} reads {name!r}, which is no step before it"
