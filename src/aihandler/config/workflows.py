"""Workflows of the file: steps that read the document and the steps before them."""

from collections.abc import Iterator, Mapping

from aihandler.config.draft import Draft, listed_texts
from aihandler.config.expressions import Expression
from aihandler.config.file import StepKeys, WorkflowKeys
from aihandler.config.imports import ImportProblem, import_name, source_version
from aihandler.config.places import Path
from aihandler.config.schemas import root_keys
from aihandler.config.words import did_you_mean
from aihandler.domain.labels import DataClass
from aihandler.domain.task import (
    CheckStep,
    FunctionStep,
    JsonOutput,
    Step,
    Task,
    TaskStep,
    Workflow,
)
from aihandler.errors import ConfigError

# The name under which expressions read the fields of the document.
DOCUMENT = "document"
_KINDS = ("task", "function", "check")


def build_workflow(
    name: str, keys: WorkflowKeys, *, tasks: Mapping[str, Task], draft: Draft
) -> Workflow:
    """One workflow; what is wrong with it is noted in the draft."""
    building = _Building(("workflows", name), keys, tasks=tasks, draft=draft)
    return Workflow(
        name=name,
        steps=tuple(building.steps()),
        data_class=None if keys.data_class is None else DataClass(keys.data_class),
        tags=keys.tags,
        concurrency=keys.concurrency,
    )


class _Building:
    def __init__(
        self, path: Path, keys: WorkflowKeys, *, tasks: Mapping[str, Task], draft: Draft
    ) -> None:
        self._keys = [StepKeys(task=s) if isinstance(s, str) else s for s in keys.steps]
        self._path = path
        self._tasks = tasks
        self._draft = draft
        self._names = [_name(step, at) for at, step in enumerate(self._keys)]

    def steps(self) -> Iterator[Step]:
        for at, keys in enumerate(self._keys):
            path = (*self._path, "steps", at)
            if self._is_one_kind(keys, path):
                self._check_name(at, path)
                self._check_when(at, keys, path)
                yield self._step(at, keys, path)

    def _is_one_kind(self, keys: StepKeys, path: Path) -> bool:
        given = [kind for kind in _KINDS if getattr(keys, kind) is not None]
        if len(given) == 1:
            return True
        what = f"has {' and '.join(map(repr, given))}" if given else "does nothing"
        self._draft.wrong(path, f"the step {what}", hint="a step is a task, a function or a check")
        return False

    def _check_name(self, at: int, path: Path) -> None:
        name = self._names[at]
        if name == DOCUMENT:
            self._draft.wrong(path, f"a step cannot be called {name!r}", hint="give it a `name`")
        elif name in self._names[:at]:
            hint = "give one of them a `name` of its own"
            self._draft.wrong(path, f"two steps are called {name!r}", hint=hint)

    def _check_when(self, at: int, keys: StepKeys, path: Path) -> None:
        if keys.when is not None:
            self._check_expression(keys.when, at, (*path, "when"))

    def _step(self, at: int, keys: StepKeys, path: Path) -> Step:
        for key, kind in (("reads", "task"), ("uses", "function")):
            if getattr(keys, key) and getattr(keys, kind) is None:
                self._draft.wrong((*path, key), f"{key!r} belongs to a step with a {kind!r}")
        name, when = self._names[at], keys.when or ""
        if keys.task is not None:
            self._check_task(at, keys, path)
            return TaskStep(name, keys.task, when, keys.reads)
        if keys.function is not None:
            uses = listed_texts(keys.uses)
            for used in uses:
                self._check_earlier(used, at, (*path, "uses"))
            version = self._version(keys.function, (*path, "function"))
            return FunctionStep(name, keys.function, version, when, uses)
        assert keys.check is not None
        self._check_expression(keys.check, at, (*path, "check"))
        return CheckStep(name, keys.check, when)

    def _check_task(self, at: int, keys: StepKeys, path: Path) -> None:
        assert keys.task is not None
        # A step that is only a name has no key of its own to point at.
        place = (*path, "task") if keys != StepKeys(task=keys.task) else path
        self._draft.must_exist("tasks", keys.task, place)
        task = self._tasks.get(keys.task)
        for field, text in keys.reads.items():
            place = (*path, "reads", field)
            if task is not None and field not in task.fields:
                hint = did_you_mean(field, task.fields, what="inputs")
                self._draft.wrong(place, f"task {task.name!r} has no input {field!r}", hint=hint)
            self._check_expression(text, at, place)

    def _version(self, reference: str, path: Path) -> str:
        if not self._draft.import_code:
            return ""
        try:
            function = import_name(reference, root=self._draft.root)
        except ImportProblem as problem:
            hint = f"write module:function, with the module in {self._draft.root} or installed"
            self._draft.wrong(path, f"{reference!r} cannot be imported: {problem}", hint=hint)
            return ""
        if not callable(function):
            self._draft.wrong(path, f"{reference!r} is no function")
        return source_version(function)

    def _check_expression(self, text: str, at: int, path: Path) -> None:
        try:
            expression = Expression(text)
        except ConfigError as error:
            self._draft.wrong(path, error.message, hint=error.hint)
            return
        for name in sorted(expression.names - {DOCUMENT}):
            self._check_earlier(name, at, path)
        for read in sorted(expression.paths):
            self._check_part(read, at, path)

    def _check_earlier(self, name: str, at: int, path: Path) -> None:
        earlier = self._names[:at]
        if name in earlier:
            return
        if name in self._names:
            hint = "a step reads only steps that stand above it"
            self._draft.wrong(path, f"step {name!r} is not an earlier one", hint=hint)
            return
        near = did_you_mean(name, [*earlier, DOCUMENT], what="it can read")
        hint = near if near.startswith("did") else f"a field of the document is document.{name}"
        self._draft.wrong(path, f"there is no earlier step {name!r}", hint=hint)

    def _check_part(self, read: str, at: int, path: Path) -> None:
        """`triage.categry`: the answer of a step has only the keys of its schema."""
        name, _, rest = read.partition(".")
        part = rest.partition(".")[0]
        if not part or name not in self._names[:at]:
            return
        step = self._keys[self._names.index(name)]
        task = self._tasks.get(step.task or "")
        if task is None:
            return
        if not isinstance(task.output, JsonOutput):
            hint = f"write {name}"
            self._draft.wrong(path, f"the answer of {name!r} is text without parts", hint=hint)
            return
        known = root_keys(task.output.schema)
        if known is not None and part not in known:
            hint = did_you_mean(part, known, what="it has")
            self._draft.wrong(path, f"the answer of {name!r} has no {part!r}", hint=hint)


def _name(keys: StepKeys, at: int) -> str:
    if keys.name is not None:
        return keys.name
    if keys.function is not None:
        return keys.function.rpartition(":")[2]
    return keys.task or f"check_{at + 1}"
