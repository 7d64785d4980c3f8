"""Runs the models of this process behind the same protocol as those behind a socket."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from aihandler.backends.builtin.lesson import joined, thinned
from aihandler.backends.builtin.school import School
from aihandler.domain.answer import Finish, Reply, ReplyDone, StreamEvent, TextDelta
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request, Text
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Clock
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import JsonOutput, Task, TextOutput
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError, BackendRejected, BackendUnavailable

__all__ = ["BuiltinCaller", "TrainReport"]

_Result = TypeVar("_Result")

_SUMMARY_CHARS = 160
# Beyond this a text is worked on in a thread, so that other calls go on meanwhile.
_LONG_CHARS = 20_000


class TrainReport(msgspec.Struct, frozen=True):
    """A trained classifier, as cross-validation on its own examples saw it.

    `accuracy` counts an answer as right when all of it is; `threshold` is the confidence below
    which it passes (0: it answers everything; 1: no confidence holds the task's quality target),
    `coverage` the share of texts that it then answers. `seconds` is what this call took.
    """

    task: str
    examples: int
    classes: int
    accuracy: float
    calibration_error: float
    threshold: float
    coverage: float
    seconds: float
    path: str
    identity: str


class BuiltinCaller:
    """A `Caller` for `builtin/classify`, `builtin/extract` and `builtin/summarise`.

    `cache_folder` keeps the trained classifiers. Use it from one event loop.
    """

    def __init__(self, tasks: Mapping[str, Task], cache_folder: Path, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock
        self._folder = cache_folder
        self._school = School(cache_folder)
        # Deployments that learn from fewer examples have classifiers of their own.
        self._schools: dict[int, tuple[School, dict[str, Task]]] = {}

    async def call(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> Reply:
        """Answers at once, but for a classifier's first use, which trains it."""
        clearance.require(deployment)
        if not request.fields:
            raise _wrong(request, deployment, "reads fields, and this call has messages only")
        match deployment.backend:
            case "builtin/classify":
                answer = await self._classify(request, deployment, deadline=deadline, sent=sent)
            case "builtin/extract":
                answer = await self._extract(request, deployment, sent=sent)
            case "builtin/summarise":
                answer = await self._summarise(request, deployment, sent=sent)
            case _:
                raise _wrong(request, deployment, f"has no backend {deployment.backend!r}")
        return Reply(
            parts=(Text(answer.text),),
            finish=answer.finish,
            usage=Usage(),
            confidence=answer.confidence,
            model=self.model_identity(request, deployment),
        )

    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> AsyncGenerator[StreamEvent]:
        """The answer in one piece: there is nothing to wait for between its words."""
        reply = await self.call(request, deployment, clearance, deadline=deadline, sent=sent)
        if reply.text:
            yield TextDelta(reply.text)
        yield ReplyDone(reply)

    def model_identity(self, request: Request, deployment: Deployment) -> str:
        """Names examples, trainer and what the answer must hold; or the version of the code."""
        match deployment.backend:
            case "builtin/classify" if request.task in self._tasks:
                school, task = self._taught(request.task, deployment)
                # Whether it passes depends on these two, though its weights do not.
                asked = f"{task.quality_target or 0:g}/{task.min_confidence or 0:g}"
                return f"classify-{school.identity(task)}@{asked}"
            case "builtin/extract":
                from aihandler.backends.builtin.extract import VERSION as EXTRACT

                return EXTRACT
            case "builtin/summarise":
                from aihandler.backends.builtin.summarise import VERSION as SUMMARISE

                return SUMMARISE
        return deployment.backend

    async def train(self, task: Task) -> TrainReport:
        """Trains the classifier of `task`, or finds it trained.

        Raises:
            ConfigError, InputError: its output or its examples cannot be learned.
            StorageError: the model cannot be trained or kept.
        """
        began = self._clock.monotonic()
        self._school.forget_failure(task)
        classifier = await self._school.classifier(task)
        model = classifier.model
        return TrainReport(
            task=task.name,
            examples=model.learned.examples,
            classes=sum(len(head.labels) for head in model.heads),
            accuracy=model.learned.accuracy,
            calibration_error=model.learned.calibration_error,
            threshold=classifier.threshold,
            coverage=model.curve.coverage_at(classifier.threshold),
            seconds=self._clock.monotonic() - began,
            path=str(self._school.path(task)),
            identity=self._school.identity(task),
        )

    def is_trained(self, task: Task) -> bool:
        """True when the classifier of `task` lies in the cache folder."""
        return self._school.path(task).exists()

    def schema_means(
        self,
        request: Request,  # noqa: ARG002 - a Caller's shape
        deployment: Deployment,  # noqa: ARG002
        *,
        streamed: bool,  # noqa: ARG002
    ) -> tuple[SchemaMeans, ...]:
        """None: a schema is not sent."""
        return ()

    async def close(self) -> None:
        """Stops trainings that nobody waits for any more."""
        for school in (self._school, *(school for school, _ in self._schools.values())):
            await school.close()

    async def _classify(
        self,
        request: Request,
        deployment: Deployment,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> "_Answer":
        if request.task not in self._tasks:
            raise _wrong(request, deployment, "learns from a task's examples; this is no task")
        school, task = self._taught(request.task, deployment)
        classifier = school.ready(task)
        if classifier is None:
            left = deadline - self._clock.monotonic()
            try:
                classifier = await asyncio.wait_for(school.classifier(task), left)
            except TimeoutError as error:
                raise BackendUnavailable(
                    f"deployment {deployment.name!r} is still training for task {task.name!r}",
                    deployment=deployment.name,
                    hint=f"run `aihandler train {task.name}` before the first call",
                ) from error
            except AIHandlerError as error:
                # Another candidate may answer; asking this one again would not help.
                raise BackendRejected(
                    error.message, deployment=deployment.name, hint=error.hint
                ) from error
        sent()
        guess = classifier.guess(request.fields)
        return _Answer(guess.text, "stop" if guess.sure else "abstain", guess.confidence)

    def _taught(self, name: str, deployment: Deployment) -> tuple[School, Task]:
        task, per_label = self._tasks[name], deployment.examples_per_label
        if per_label is None:
            return self._school, task
        school, tasks = self._schools.setdefault(per_label, (School(self._folder), {}))
        if name not in tasks:
            tasks[name] = thinned(task, per_label)
        return school, tasks[name]

    async def _extract(
        self, request: Request, deployment: Deployment, *, sent: Callable[[], None]
    ) -> "_Answer":
        from aihandler.backends.builtin.extract import extract

        if not isinstance(request.output, JsonOutput):
            raise _wrong(request, deployment, "fills a JSON Schema; the task's output is none")
        schema = request.output.schema
        sent()
        found = await _run(lambda text: extract(text, schema), self._text(request))
        text = msgspec.json.encode(found.value).decode()
        if not found.value:
            return _Answer(text, "abstain", 0.0)
        return _Answer(text, "stop", found.confidence)

    async def _summarise(
        self, request: Request, deployment: Deployment, *, sent: Callable[[], None]
    ) -> "_Answer":
        from aihandler.backends.builtin.summarise import summarise

        if not isinstance(request.output, TextOutput):
            raise _wrong(request, deployment, "gives a line of text; the task's output is none")
        most = request.output.max_chars or _SUMMARY_CHARS
        sent()
        summary = await _run(lambda text: summarise(text, max_chars=most), self._text(request))
        finish: Finish = "stop" if summary.text else "abstain"
        return _Answer(summary.text, finish, summary.confidence)

    def _text(self, request: Request) -> str:
        task = self._tasks.get(request.task)
        return joined(request.fields, task.fields if task else tuple(request.fields))


class _Answer(NamedTuple):
    text: str
    finish: Finish
    confidence: float | None


async def _run(work: Callable[[str], _Result], text: str) -> _Result:
    if len(text) <= _LONG_CHARS:
        return work(text)
    return await asyncio.to_thread(work, text)


def _wrong(request: Request, deployment: Deployment, what: str) -> BackendRejected:
    return BackendRejected(
        f"task {request.task!r}: deployment {deployment.name!r} ({deployment.backend}) {what}",
        deployment=deployment.name,
        hint=f"take {deployment.name!r} off the task's candidates, or change the task's output",
    )
