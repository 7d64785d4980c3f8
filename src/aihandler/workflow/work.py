"""Work keys: the name of one step of one document, known before anything is asked."""

from collections.abc import Iterable, Mapping

from aihandler.config.expressions import Expression
from aihandler.domain.document import Document
from aihandler.domain.keys import digest
from aihandler.domain.task import CheckStep, FunctionStep, Step, Task, TaskStep


class StepNeeds:
    """What a step reads: fields of the document, and earlier steps by name.

    `document_fields` of None means the whole document.
    """

    def __init__(self, step: Step, task: Task | None, earlier: Iterable[str]) -> None:
        self.step = step
        self.task = task
        self.when = Expression(step.when, where=f"step {step.name!r}, when") if step.when else None
        self.reads = _reads(step)
        steps = frozenset(earlier)
        expressions = [*self.reads.values(), *([self.when] if self.when else [])]
        named = frozenset(name for e in expressions for name in e.names) & steps
        used = frozenset(step.uses) if isinstance(step, FunctionStep) else frozenset[str]()
        self.values_of = (frozenset(n for e in self.reads.values() for n in e.names) & steps) | used
        self.upstream = tuple(sorted(named | used))
        self.document_fields = _document_fields(step, task, expressions)
        self._asks = sorted((field, e.text) for field, e in self.reads.items())

    @property
    def version(self) -> str:
        """Changes when the step would give another answer to the same input."""
        match self.step:
            case TaskStep():
                assert self.task is not None
                return self.task.version
            case FunctionStep():
                return self.step.version
            case CheckStep():
                return self.step.holds

    def work_key(self, document: Document, versions: Mapping[str, bytes], *, tenant: str) -> bytes:
        """`versions` are those of the answers of earlier steps; an absent one was skipped."""
        fields = document.fields
        if self.document_fields is None:
            read = sorted(fields.items())
        else:
            read = [(field, fields.get(field, "")) for field in self.document_fields]
        upstream = [(name, versions.get(name, b"").hex()) for name in self.upstream]
        return digest("work", self.version, self._asks, read, upstream, tenant)


def _reads(step: Step) -> dict[str, Expression]:
    match step:
        case TaskStep():
            where = f"step {step.name!r}, reads"
            return {field: Expression(text, where=where) for field, text in step.reads.items()}
        case CheckStep():
            return {"holds": Expression(step.holds, where=f"step {step.name!r}, check")}
        case FunctionStep():
            return {}


def _document_fields(
    step: Step, task: Task | None, expressions: list[Expression]
) -> tuple[str, ...] | None:
    if isinstance(step, FunctionStep):
        return None
    paths = {path for e in expressions for path in e.paths if path.partition(".")[0] == "document"}
    if "document" in paths:
        return None
    fields = {path.split(".")[1] for path in paths}
    if task is not None:
        fields |= {field for field in task.fields if field not in getattr(step, "reads", {})}
    return tuple(sorted(fields))
