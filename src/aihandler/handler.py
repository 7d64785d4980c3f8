"""`Handler`: the door that Python programs and the command line use."""

import asyncio
import os
import random
import time
import uuid
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from weakref import WeakSet

import msgspec

from aihandler.arguments import Documents, cache_use, check_fields, class_of, documents_of, named
from aihandler.assembly import Rooms, budgets_of, with_corrections
from aihandler.config.configuration import Configuration
from aihandler.domain.answer import Answer, DocumentResult, StreamEvent
from aihandler.domain.attempt import Plan, Snapshot
from aihandler.domain.board import Board
from aihandler.domain.budget import BudgetState
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Message
from aihandler.domain.deployment import Deployment
from aihandler.domain.document import Document
from aihandler.domain.kept import CacheUse, CacheWatch
from aihandler.domain.keys import digest_text
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Caller, Inspector
from aihandler.domain.rules import Key
from aihandler.domain.task import Json, JsonOutput, Task, TaskStep, Workflow
from aihandler.engine import Affording, Call, Inspection, Planner
from aihandler.errors import InputError, StorageError, Unauthenticated
from aihandler.ledger import Archive, Ledger, Prices, SpooledLedger, Watch, read_ledger
from aihandler.policy import clear, labels_for
from aihandler.servers import OfServers
from aihandler.surroundings import (
    SystemClock,
    encryption_key,
    ledger_path,
    prices_of,
    without_key,
)
from aihandler.validation import Validator, to_python
from aihandler.workflow.executor import Ended, Executor
from aihandler.workflow.graph import check_workflow
from aihandler.workflow.readers import Unreadable
from aihandler.workflow.steps import Steps

if TYPE_CHECKING:
    from aihandler.asking import Asker
    from aihandler.backends.builtin.caller import TrainReport


Item = TypeVar("Item")


class Handler(OfServers):
    """Runs tasks and workflows of one configuration.

    Opens its ledger at the first call and holds it until `close()`; use it as an async context
    manager, or as a plain one with `run_sync` in code that has no event loop.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        environ: Mapping[str, str] | None = None,
        ledger: SpooledLedger | None = None,
        inspectors: Sequence[Inspector] = (),
        board: Board | None = None,
    ) -> None:
        """`inspectors` look at every request before it is decided where it may go: each may raise
        its class or refuse it."""
        # A gateway worker brings its own side of a ledger that another process writes, and the
        # board that it shares with the other workers.
        self._spooled = ledger
        self._board = board
        self._inspectors = tuple(inspectors)
        self._given = self.configuration = configuration
        self._environ = os.environ if environ is None else environ
        self.clock = SystemClock()
        self._random = random.Random()  # noqa: S311  # names, not secrets
        self._rooms: Rooms | None = None
        self._runner: asyncio.Runner | None = None
        self._left_open: WeakSet[AsyncGenerator[Any]] = WeakSet()

    @classmethod
    def load(
        cls,
        path: str | Path = "aihandler.yaml",
        *,
        environ: Mapping[str, str] | None = None,
        inspectors: Sequence[Inspector] = (),
    ) -> Self:
        """Reads a configuration file. Raises ConfigError with every mistake in it."""
        # A configuration that is built in Python needs no YAML.
        from aihandler.config import load

        return cls(load(Path(path)), environ=environ, inspectors=inspectors)

    async def run(
        self,
        task: str,
        /,
        *,
        messages: Sequence[Message] = (),
        data_class: DataClass | str | None = None,
        key: str | None = None,
        tags: Mapping[str, str] | None = None,
        reuse: bool = False,
        cache: CacheUse = "use",
        **fields: str,
    ) -> Answer[Any]:
        """A valid answer of `task` for these fields (or this message list).

        Args:
            task: A task of the configuration.
            messages: Asked as they are, instead of the task's prompt.
            data_class: The class of the input; unlabelled input counts as internal.
            key: Who asks: a key of the configuration, with its ceiling and tenant.
            tags: Kept with every attempt, for unit costs (`customer`, `contract`).
            reuse: Take the answer of an earlier equal request, if there is one.
            cache: Of a task that keeps answers: `renew` asks anew and keeps that, `off` neither
                takes nor keeps one.
            fields: The task's input, `text=...` unless the task says otherwise.

        Raises:
            InputError, PolicyDenied, AnswerRejected, AllAttemptsFailed, StorageError.
        """
        call = self._call(
            task, fields=fields, messages=messages, data_class=data_class, key=key, tags=tags
        )
        call = msgspec.structs.replace(call, reuse=reuse, cache=cache_use(cache))
        rooms = self._opened()
        await rooms.ready()
        return self._typed(call.task, await rooms.engine.run(call))

    def set_apart(self, deployments: Mapping[str, str]) -> None:
        """Asks none of these, each with its reason, until this is called again."""
        self._opened().set_apart(deployments)

    def apart(self) -> Mapping[str, str]:
        """The deployments that are not asked now, each with its reason: a key that lacks, a
        switch."""
        return self._opened().unavailable

    def watch_cache(self, watch: CacheWatch) -> None:
        """From now on tells it of each look for a kept answer, and of each that is kept."""
        self._opened().engine.watch_cache(watch)

    def forget_expired(self) -> None:
        """Removes answers that were kept for equal requests and are of no more use."""
        kept = self._opened().kept
        if kept is not None:
            kept.forget_expired()

    def run_call(self, call: Call) -> Coroutine[Any, Any, Answer[Any]]:
        """As `run`, for a call that is made already; a gateway makes its own."""
        rooms = self._opened()
        return rooms.engine.run(call) if rooms.is_ready else self._run_when_ready(call)

    async def _run_when_ready(self, call: Call) -> Answer[Any]:
        rooms = self._opened()
        await rooms.ready()
        return await rooms.engine.run(call)

    def stream_call(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Any]]:
        """As `stream`, for a call that is made already; values are JSON, as `run_call` has them."""
        rooms = self._opened()
        # Only a ledger of one's own is to be made ready, and each generator costs with each piece.
        events = rooms.engine.stream(call) if rooms.is_ready else self._stream_when_ready(call)
        return self._closed_with_us(events)

    async def _stream_when_ready(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Any]]:
        rooms = self._opened()
        await rooms.ready()
        async with aclosing(rooms.engine.stream(call)) as events:
            async for event in events:
                yield event

    def run_sync(self, task: str, /, **arguments: Any) -> Answer[Any]:
        """`run` for code without an event loop; takes the same arguments."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self.run(task, **arguments))

    def stream(
        self,
        task: str,
        /,
        *,
        messages: Sequence[Message] = (),
        data_class: DataClass | str | None = None,
        key: str | None = None,
        **fields: str,
    ) -> AsyncGenerator[StreamEvent | Answer[Any]]:
        """Text as it comes, and the answer as the last item.

        Falls back silently until the first text has come; after that an error is raised. Outputs
        that must be valid as a whole (labels, JSON) come whole, as the one last item.
        """
        call = self._call(task, fields=fields, messages=messages, data_class=data_class, key=key)
        return self._closed_with_us(self._stream(msgspec.structs.replace(call, cache="use")))

    async def _stream(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Any]]:
        async with aclosing(self._stream_when_ready(call)) as events:
            async for event in events:
                yield self._typed(call.task, event) if isinstance(event, Answer) else event

    async def map(
        self,
        workflow: str | Workflow,
        documents: Documents | Path,
        /,
        *,
        key: str | None = None,
        run_id: str | None = None,
        concurrency: int | None = None,
    ) -> AsyncGenerator[DocumentResult]:
        """Runs a workflow over documents; yields each as it ends, not in the order of the input.

        `documents` is a folder or file, or Documents, texts or mappings of fields. What an
        earlier run has finished is not asked again.
        """
        source = documents_of(documents)
        ended = self.run_documents(
            workflow, source, key=key, run_id=run_id, concurrency=concurrency
        )
        async with aclosing(ended) as results:
            async for one in results:
                yield one.result

    def run_documents(
        self,
        workflow: str | Workflow,
        documents: Iterable[Document | Unreadable],
        *,
        key: str | None = None,
        run_id: str | None = None,
        concurrency: int | None = None,
    ) -> AsyncGenerator[Ended]:
        """As `map`, with each document's place in the input; used by the command line."""
        plan, asker = self.workflow(workflow), self._key(key)
        started = self._run_documents(
            plan, documents, key=asker, run_id=run_id or new_run_id(), concurrency=concurrency
        )
        return self._closed_with_us(started)

    async def _run_documents(
        self,
        plan: Workflow,
        documents: Iterable[Document | Unreadable],
        *,
        key: Key | None,
        run_id: str,
        concurrency: int | None,
    ) -> AsyncGenerator[Ended]:
        rooms = self._opened()
        await rooms.ready()
        steps = Steps(
            plan,
            self.configuration,
            engine=rooms.engine,
            journal=self.ledger.journal,
            run_id=run_id,
            new_id=self.new_id,
            key=key,
        )
        await self.ledger.journal.start_run(
            run_id, plan.name, configuration=_digest(self.configuration)
        )
        state: Literal["done", "stopped", "failed"] = "stopped"
        try:
            async with aclosing(Executor(plan, steps, concurrency=concurrency).run(documents)) as e:
                async for ended in e:
                    yield ended
            state = "done"
        finally:
            await self.ledger.journal.end_run(run_id, state=state)

    def explain(
        self,
        task: str,
        /,
        *,
        data_class: DataClass | str | None = None,
        key: str | None = None,
        **fields: str,
    ) -> Plan:
        """The plan for one request: every gate, every exclusion, the order. Calls nothing but the
        inspectors that were given."""
        self._learn_corrections()
        call, prices = self._call(task, fields=fields, data_class=data_class, key=key), self.prices
        if self._inspectors:
            call = _aside(Inspection(self._inspectors).of(call))
        plan = Planner(self.configuration, prices).plan(
            call.task, call.labels, fields=call.fields, snapshot=self.snapshot()
        )
        affording = Affording(self.configuration.budgets, self.budgets(), pricer=prices)
        return affording.narrowed(plan, call, self.configuration.deployments)

    def budgets(self) -> list[BudgetState]:
        """Every budget in its present period: those of the configuration, and those of keys."""
        if not self.ledger_path.exists():
            return budgets_of(self.configuration, None, self.clock)
        with self.read_ledger() as ledger:
            return budgets_of(self.configuration, ledger, self.clock)

    def snapshot(self) -> Snapshot:
        """What routing knows: which keys are there, and from the ledger quality, latency, cost."""
        unavailable = without_key(self.configuration, self._environ)
        if not self.ledger_path.exists():
            return Snapshot(unavailable=unavailable)
        with self.read_ledger() as ledger:
            known = ledger.queries.snapshot(self.clock.wall())
        return msgspec.structs.replace(known, unavailable=unavailable)

    def read_ledger(self, *, watch: Watch | None = None) -> Archive:
        """The ledger as seen from beside, also while a run writes it. Close it after use.

        `watch` is called while it takes long: with how many of how many entries of a ledger of an
        earlier version are brought up to date, or with 0, 0.
        """
        path = self.ledger_path
        if not path.exists():
            raise StorageError(f"there is no ledger at {path}", hint="run something first")
        key = encryption_key(self.configuration, self._environ)
        return read_ledger(path, clock=self.clock, encryption_key=key, watch=watch)

    def correction_classes(self) -> Mapping[str, DataClass]:
        """The highest class of the corrections that reviews brought, by task."""
        if not self.ledger_path.exists():
            return {}
        with self.read_ledger() as ledger:
            corrections = {name: ledger.queries.examples(name) for name in self.configuration.tasks}
        return {
            name: max(example.data_class for example in examples)
            for name, examples in corrections.items()
            if examples
        }

    async def asker(self) -> "Asker":
        """Asks single deployments, under the same rules and into the same ledger: for comparing."""
        from aihandler.asking import Asker

        rooms = self._opened()
        await rooms.ready()
        return Asker(rooms, new_id=self.new_id)

    def caller(self, deployment: Deployment) -> Caller:
        """What speaks to a deployment: for measuring and probing; it records nothing."""
        return self._opened().callers[deployment.backend]

    @property
    def prices(self) -> Prices:
        """What the deployments cost."""
        return prices_of(self.configuration, self.clock)

    def deployment(self, name: str) -> Deployment:
        """A deployment by name. Raises InputError when there is none, and names the nearest."""
        return named("deployment", name, self.configuration.deployments)

    def checked_value(self, task: str, value: Json) -> Json:
        """A value that a person gives as an answer; it must be valid as any other."""
        output = self.task(task).output
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        verdict = Validator(output).check(text, finish="stop", source="")
        wrong = [p for p in verdict.problems if p.kind != "grounding"]
        if wrong:
            raise InputError(
                f"this is no valid answer of task {task!r}: "
                + "; ".join(f"{p.pointer or '/'}: {p.message}" for p in wrong),
                hint="write it as JSON" if isinstance(output, JsonOutput) else "",
            )
        return verdict.value

    async def train(self, task: str, /) -> "TrainReport":
        """Trains the built-in model of a task on its examples, or finds it trained."""
        from aihandler.backends.builtin.caller import BuiltinCaller

        builtin = self._opened().callers.get("builtin/classify")
        if not isinstance(builtin, BuiltinCaller):
            raise InputError(
                "no deployment of the configuration is a model of this process",
                hint="add one with `backend: builtin/classify`",
            )
        return await builtin.train(self.task(task))

    def untrained(self, workflow: str, /) -> list[Task]:
        """The tasks of a workflow whose classifier has yet to be trained, at its first use."""
        steps = self.workflow(workflow).steps
        names = dict.fromkeys(step.task for step in steps if isinstance(step, TaskStep))
        learning = [self.task(name) for name in names if self._classifies(self.task(name))]
        if not learning:
            return []
        from aihandler.backends.builtin.caller import BuiltinCaller

        rooms = self._opened()
        builtin = rooms.callers["builtin/classify"]
        assert isinstance(builtin, BuiltinCaller)
        # With the corrections that reviews brought: they are learned from, too.
        tasks = [rooms.configuration.tasks[task.name] for task in learning]
        return [task for task in tasks if not builtin.is_trained(task)]

    def _classifies(self, task: Task) -> bool:
        deployments = self.configuration.deployments
        named = (deployments.get(name) for name in task.candidates or ())
        return any(d is not None and d.backend == "builtin/classify" for d in named)

    async def close(self) -> None:
        """Gives ledger and sockets back; what was left in the middle is settled first."""
        for left in tuple(self._left_open):
            # One that somebody is taking from at this moment is theirs to end.
            with suppress(RuntimeError):
                await left.aclose()
        if self._rooms is not None:
            rooms, self._rooms = self._rooms, None
            await rooms.close()

    def close_sync(self) -> None:
        """`close` for code without an event loop."""
        if self._runner is not None or self._rooms is not None:
            with self._runner or asyncio.Runner() as runner:
                runner.run(self.close())
            self._runner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_sync()

    async def __aenter__(self) -> Self:
        self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def ledger(self) -> Ledger:
        """The open ledger: its journal and its queries."""
        ledger = self._opened().ledger
        assert isinstance(ledger, Ledger), "a worker writes calls alone"
        return ledger

    def _opened(self) -> Rooms:
        if self._rooms is None:
            self._rooms = Rooms(
                self._given,
                self._environ,
                self.clock,
                ledger=self._spooled,
                inspectors=self._inspectors,
                board=self._board,
            )
            self.configuration = self._rooms.configuration
        return self._rooms

    def _call(
        self,
        task_name: str,
        *,
        fields: Mapping[str, str],
        messages: Sequence[Message] = (),
        data_class: DataClass | str | None = None,
        key: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Call:
        task, asker = self.task(task_name), self._key(key)
        check_fields(task, fields, messages)
        labels = labels_for(task, document_class=class_of(data_class), key=asker)
        said = "\n".join(m.text for m in messages if m.role == "user")
        return Call(
            id=self.new_id(),
            task=task,
            labels=labels,
            fields=fields or {"text": said},
            messages=tuple(messages),
            source="\n".join(fields.values()) or said,
            tags={**(tags or {}), "key": key} if key else tags or {},
        )

    def task(self, name: str) -> Task:
        """A task by name. Raises InputError when there is none, and names the nearest."""
        return named("task", name, self.configuration.tasks)

    def workflow(self, name: str | Workflow) -> Workflow:
        """A workflow by name; a task by that name counts as a workflow of one step.

        One that is written in Python is checked as those of the file are.
        """
        if isinstance(name, Workflow):
            return check_workflow(name, self.configuration.tasks)
        workflows, tasks = self.configuration.workflows, self.configuration.tasks
        if name not in workflows and name in tasks:
            return Workflow(name, (TaskStep(name, name),))
        return named("workflow", name, workflows)

    def clearance(self, task: str, data_class: DataClass) -> Clearance:
        """Where data of a class may go in a task."""
        self._learn_corrections()
        labels = labels_for(self.task(task), document_class=data_class)
        return clear(self.configuration, self.task(task), labels)

    def learning(self, task: str) -> Task:
        """A task with the corrections that reviews brought, as models of this process learn it."""
        self._learn_corrections()
        return self.task(task)

    def _learn_corrections(self) -> None:
        # What a run would know: corrections became examples, and raise what reads them.
        if self._rooms is None and self.ledger_path.exists():
            with self.read_ledger() as ledger:
                self.configuration = with_corrections(self._given, ledger)

    @property
    def ledger_path(self) -> Path:
        """Where the ledger lies."""
        return ledger_path(self.configuration)

    def _closed_with_us(self, generator: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
        # Who breaks out of a loop leaves it suspended: `close` ends it while it can be settled.
        self._left_open.add(generator)
        return generator

    def new_id(self) -> str:
        """Names a call."""
        # Names a call and hides nothing, so it need not come from the system's entropy.
        return f"{self._random.getrandbits(128):032x}"

    def _key(self, name: str | None) -> Key | None:
        if name is None:
            return None
        try:
            return named("key", name, self.configuration.policy.keys)
        except InputError as error:
            raise Unauthenticated(error.message, hint=error.hint) from None

    def _typed(self, task: Task, answer: Answer[Json]) -> Answer[Any]:
        if not isinstance(task.output, JsonOutput) or not task.output.python_type:
            return answer
        value = to_python(answer.value, task.output.python_type, root=self.configuration.root)
        return msgspec.structs.replace(answer, value=value)


def _aside(inspecting: Coroutine[Any, Any, Item]) -> Item:
    """Waits for it in code that may itself run in an event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, inspecting).result()


def new_run_id() -> str:
    """Sorts by time, and two of one second differ."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"


def _digest(configuration: Configuration) -> str:
    tasks = sorted((task.name, task.version) for task in configuration.tasks.values())
    return digest_text("configuration", tasks, sorted(configuration.deployments))
