"""Walks one document through the steps of a workflow."""

from collections.abc import Callable, Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.config.expressions import ExpressionError
from aihandler.domain.answer import Answer, DocumentResult, StepResult, Validity
from aihandler.domain.document import Document
from aihandler.domain.keys import digest
from aihandler.domain.labels import ClassSource, DataClass, Labels
from aihandler.domain.ports import Accepted
from aihandler.domain.rules import Key
from aihandler.domain.task import CheckStep, FunctionStep, Json, TaskStep, Workflow
from aihandler.domain.usage import Cost
from aihandler.engine import Call, Engine
from aihandler.errors import AIHandlerError, InputError, StorageError
from aihandler.ledger import DocumentRow, SqliteJournal, StepRow
from aihandler.policy import check_key, labels_for
from aihandler.workflow.functions import StepFunction, call_function, load_function
from aihandler.workflow.readers import Unreadable
from aihandler.workflow.work import StepNeeds

_decode_answer = msgspec.json.Decoder(Answer[Json]).decode


class Passage:
    """One document on its way: what each earlier step said, and how sensitive that is."""

    def __init__(self, document: Document, least: DataClass | None) -> None:
        self.document = document
        own = document.data_class or DataClass.INTERNAL
        self.data_class = max(own, least or own)
        self.results: dict[str, StepResult] = {}
        self.rows: list[StepRow] = []
        self.values: dict[str, Json] = {}
        self.versions: dict[str, bytes] = {}
        self.classes: dict[str, DataClass] = {}
        self.work_keys: dict[str, bytes] = {}

    @property
    def names(self) -> Mapping[str, Json]:
        """What expressions may name: the document, and every step that has a value."""
        document = {**self.document.fields, "id": self.document.id, "class": self.data_class.value}
        return {**self.values, "document": document}


class Steps:
    """The steps of one workflow in one run."""

    def __init__(
        self,
        workflow: Workflow,
        configuration: Configuration,
        *,
        engine: Engine,
        journal: SqliteJournal,
        run_id: str,
        new_id: Callable[[], str],
        key: Key | None = None,
    ) -> None:
        self._workflow = workflow
        self._configuration = configuration
        self._engine = engine
        self._journal = journal
        self._run_id = run_id
        self._new_id = new_id
        self._key = key
        self._tenant = key.tenant if key else ""
        self._tags = {**workflow.tags, "key": key.name} if key else workflow.tags
        self._needs = _needs(workflow, configuration)
        self._read_later = frozenset(name for needs in self._needs for name in needs.upstream)
        self._known_labels: dict[tuple[str, DataClass, tuple[DataClass | None, ...]], Labels] = {}
        self._functions: dict[str, StepFunction] = {}

    async def walk(self, number: int, document: Document) -> DocumentResult:
        """Every step in order. An error of one document is its result, never the run's end."""
        passage = Passage(document, self._workflow.data_class)
        for needs in self._needs:
            name = needs.step.name
            result = passage.results[name] = await self._step(needs, passage)
            # Work in review keeps its key: once a person has decided, the outputs show it.
            work_key = passage.work_keys.get(name, b"")
            passage.rows.append(StepRow(name, result.state, work_key, result.reason))
        await self._record(number, passage)
        return DocumentResult(document.id, passage.data_class, passage.results, document.source)

    async def unreadable(self, number: int, document: Unreadable) -> DocumentResult:
        """Records a document that could not be read: every step of it is an error."""
        reason = f"cannot be read: {document.reason}"
        names = [step.name for step in self._workflow.steps]
        rows = [StepRow(name, "error", reason=reason) for name in names]
        row = DocumentRow(number, document.id, DataClass.INTERNAL)
        await self._journal.record_document(self._run_id, row, rows)
        results = {name: StepResult(name, "error", reason=reason) for name in names}
        return DocumentResult(document.id, DataClass.INTERNAL, results)

    async def _record(self, number: int, passage: Passage) -> None:
        document = passage.document
        row = DocumentRow(number, document.id, passage.data_class, document.source)
        await self._journal.record_document(self._run_id, row, passage.rows)

    async def _step(self, needs: StepNeeds, passage: Passage) -> StepResult:
        name = needs.step.name
        lacking = next((s for s in needs.values_of if s not in passage.values), None)
        if lacking is not None:
            return StepResult(name, "skipped", reason=f"needs {lacking!r}, which has no value")
        try:
            if needs.when is not None and not needs.when.holds(passage.names):
                return StepResult(name, "skipped", reason=f"not when {needs.step.when}")
            return await self._once(needs, passage)
        except StorageError:
            raise
        except ExpressionError as error:
            lacking = next((s for s in needs.upstream if s not in passage.values), None)
            if lacking is None:
                return StepResult(name, "error", reason=error.message)
            return StepResult(name, "skipped", reason=f"needs {lacking!r}, which has no value")
        except AIHandlerError as error:
            review = getattr(error, "review_id", None)
            return StepResult(name, "review" if review else "error", reason=error.message)

    async def _once(self, needs: StepNeeds, passage: Passage) -> StepResult:
        name = needs.step.name
        work_key = needs.work_key(passage.document, passage.versions, tenant=self._tenant)
        passage.work_keys[name] = work_key
        done = self._journal.done(work_key)
        if done is None:
            answer = await self._do(needs, passage, work_key)
            passage.classes[name] = answer.data_class
        else:
            answer = msgspec.structs.replace(_decode_answer(done.answer), reused=True)
            # It may have been made from more sensitive data of the same words.
            check_key(self._key, Labels(answer.data_class))
            # An answer of an earlier run may be from before a class was raised.
            passage.classes[name] = max(answer.data_class, self._class_of(needs, passage))
        passage.values[name] = answer.value
        if name in self._read_later:
            passage.versions[name] = digest("answer", answer.value)
        return StepResult(name, "done", answer)

    async def _do(self, needs: StepNeeds, passage: Passage, work_key: bytes) -> Answer[Json]:
        match needs.step:
            case TaskStep():
                return await self._engine.run(self._call(needs, passage, work_key))
            case FunctionStep():
                value = await self._function(needs.step, passage)
                return await self._accept(needs, passage, work_key, value)
            case CheckStep(holds=text):
                if not needs.reads["holds"].holds(passage.names):
                    raise InputError(f"check {needs.step.name!r} does not hold: {text}")
                return await self._accept(needs, passage, work_key, value=True)

    def _call(self, needs: StepNeeds, passage: Passage, work_key: bytes) -> Call:
        task = needs.task
        assert task is not None
        fields = {
            field: _text(needs.reads[field].evaluate(passage.names))
            if field in needs.reads
            else passage.document.fields.get(field, "")
            for field in task.fields
        }
        return Call(
            id=self._new_id(),
            task=task,
            labels=self._labels(needs, passage),
            fields=fields,
            source="\n".join(fields.values()),
            tags=self._tags,
            work_key=work_key,
            run_id=self._run_id,
            document_id=passage.document.id,
            step=needs.step.name,
            priority="batch",
        )

    def _class_of(self, needs: StepNeeds, passage: Passage) -> DataClass:
        if needs.task is not None:
            return self._labels(needs, passage).data_class
        return _highest(needs, passage)

    def _labels(self, needs: StepNeeds, passage: Passage) -> Labels:
        # Labels follow from the classes that are read and from nothing else of the document.
        read = tuple(map(passage.classes.get, needs.upstream))
        known = (needs.step.name, passage.data_class, read)
        if known not in self._known_labels:
            assert needs.task is not None
            self._known_labels[known] = labels_for(
                needs.task,
                document_class=passage.data_class,
                key=self._key,
                reads=tuple(
                    ClassSource(f"step {name}", data_class)
                    for name, data_class in zip(needs.upstream, read, strict=True)
                    if data_class is not None
                ),
                tenant=self._tenant,
            )
        return self._known_labels[known]

    async def _function(self, step: FunctionStep, passage: Passage) -> Json:
        if step.function not in self._functions:
            root = self._configuration.root
            self._functions[step.function] = load_function(step.function, root=root)
        # It sees what it says it uses and nothing else: its result has the class of that.
        used = {name: passage.values[name] for name in step.uses}
        try:
            return await call_function(self._functions[step.function], passage.document, used)
        except AIHandlerError:
            raise
        except Exception as error:
            # A user's function may raise anything; it is this document's error.
            raise InputError(f"function {step.function!r} raised {type(error).__name__}") from error

    async def _accept(
        self, needs: StepNeeds, passage: Passage, work_key: bytes, value: Json
    ) -> Answer[Json]:
        answer = Answer(
            value=value,
            validity=Validity.EXACT,
            route="here",
            confidence=None,
            cost=Cost(),
            call_id="",
            data_class=_highest(needs, passage),
        )
        done = Accepted(
            work_key,
            digest("answer", value),
            msgspec.json.encode(answer),
            run_id=self._run_id,
            document_id=passage.document.id,
            step=needs.step.name,
        )
        await self._journal.accept(done)
        return answer


def _highest(needs: StepNeeds, passage: Passage) -> DataClass:
    read = (passage.classes.get(name, passage.data_class) for name in needs.upstream)
    return max((passage.data_class, *read))


def _needs(workflow: Workflow, configuration: Configuration) -> tuple[StepNeeds, ...]:
    names = [step.name for step in workflow.steps]
    return tuple(
        StepNeeds(
            step,
            configuration.tasks[step.task] if isinstance(step, TaskStep) else None,
            names[:place],
        )
        for place, step in enumerate(workflow.steps)
    )


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
