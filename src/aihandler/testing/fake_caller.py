"""A `Caller` that says what a script says."""

from collections.abc import AsyncGenerator, Callable, Iterable

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent, TextDelta
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request, Text
from aihandler.domain.deployment import Deployment
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.rules import DeploymentFilter, Policy
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import Task
from aihandler.domain.usage import Usage
from aihandler.errors import AIHandlerError
from aihandler.policy import clear

Outcome = Reply | str | AIHandlerError
Script = Callable[[Request, Deployment], Outcome]


class FakeCaller:
    """Answers by `script`: a function, one outcome for all calls, or outcomes one after another.

    A str is a whole reply with that text; an error is raised, after `sent` unless
    `fail_before_send`. `calls` holds every request that passed its clearance, with the
    deployment's name.
    """

    def __init__(
        self,
        script: Script | Outcome | Iterable[Outcome] = "ok",
        *,
        usage: Usage | None = None,
        fail_before_send: bool = False,
    ) -> None:
        self.calls: list[tuple[Request, str]] = []
        self.closed = False
        self._script = _as_function(script)
        self._usage = usage or Usage(input=10, output=5)
        self._fail_before_send = fail_before_send

    async def call(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,  # noqa: ARG002 - a Caller's shape
        sent: Callable[[], None],
    ) -> Reply:
        """The next outcome."""
        clearance.require(deployment)
        self.calls.append((request, deployment.name))
        outcome = self._script(request, deployment)
        failed = isinstance(outcome, AIHandlerError)
        if not (failed and self._fail_before_send):
            sent()
        if isinstance(outcome, AIHandlerError):
            raise outcome
        if isinstance(outcome, str):
            return Reply((Text(outcome),), "stop", usage=self._usage, model=deployment.model.name)
        return outcome

    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> AsyncGenerator[StreamEvent]:
        """The next outcome, its text in two pieces."""
        reply = await self.call(request, deployment, clearance, deadline=deadline, sent=sent)
        half = len(reply.text) // 2
        for piece in (reply.text[:half], reply.text[half:]):
            if piece:
                yield TextDelta(piece)
        yield ReplyDone(reply)

    def model_identity(self, request: Request, deployment: Deployment) -> str:  # noqa: ARG002 - a Caller's shape
        """The model's name."""
        return deployment.model.name

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
        """Notes that it was closed."""
        self.closed = True


def allow(*deployments: Deployment, data_class: DataClass = DataClass.INTERNAL) -> Clearance:
    """A clearance for exactly these deployments, from a policy that admits everything."""
    configuration = Configuration(
        file="",
        root="",
        ledger=LedgerSettings(""),
        deployments={d.name: d for d in deployments},
        policy=Policy(dict.fromkeys(DataClass, DeploymentFilter())),
    )
    return clear(configuration, Task("test", "1"), Labels(data_class))


def _as_function(script: Script | Outcome | Iterable[Outcome]) -> Script:
    if isinstance(script, (str, Reply, AIHandlerError)):
        single: Outcome = script
        return lambda _request, _deployment: single
    if callable(script):
        return script
    outcomes = iter(script)
    return lambda _request, _deployment: next(outcomes)
