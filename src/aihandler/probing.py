"""Runs a probe: every send is cleared, journalled and paid for as any other attempt.

What is sent are texts of this program, of class public; never anything of a user.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from aihandler.backends.formats import codec_of
from aihandler.backends.probing.caller import SendCaller
from aihandler.backends.probing.catalogue import (
    MOST_RETRIES,
    Question,
    bounds,
    longest_prompt,
    questions,
)
from aihandler.backends.probing.sends import TASK, Exchange, Send
from aihandler.backends.probing.session import Probing
from aihandler.backends.probing.version import getter, server_version
from aihandler.backends.profiles import Profile, load_profiles, profile_for
from aihandler.backends.transport import Transport
from aihandler.config.configuration import Configuration
from aihandler.domain.attempt import AttemptReason, Candidate, Plan
from aihandler.domain.deployment import Deployment
from aihandler.domain.keys import digest_text
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Clock, Journal, Pricer
from aihandler.domain.probes import Probed, ProbeVerdict, ServerVersion
from aihandler.domain.task import Task
from aihandler.domain.usage import Usage
from aihandler.engine import Attempts, Call
from aihandler.engine.attempt import Attempted, Turn
from aihandler.errors import BackendUnavailable, InputError
from aihandler.policy import clear, labels_for

# How long a server may take to say which one it is.
VERSION_S = 5.0
_LONGEST_PAUSE_S = 20.0
_PAUSE_S = 1.0
# One that answers nothing any more is not asked on.
_MOST_UNANSWERED = 4

# Is told the question under way, the sends so far, and how many there can be at most.
Told = Callable[[str, int, int], None]


class ProbePlan(msgspec.Struct, frozen=True):
    """What a probe will ask, and what it sends and costs at most. `most_nano` of None: unpriced."""

    deployment: str
    profile: str
    questions: tuple[str, ...]
    most_sends: int
    most_usage: Usage
    most_nano: int | None


class Around(msgspec.Struct, frozen=True):
    """What a probe is given to work with."""

    configuration: Configuration
    transport: Transport
    journal: Journal
    pricer: Pricer
    clock: Clock
    new_id: Callable[[], str]


def planned(
    deployment: Deployment, pricer: Pricer, *, context_up_to: int | None = None
) -> ProbePlan:
    """What a probe of this deployment would do. Raises InputError for one that has no server."""
    asked = _questions(deployment, context_up_to)
    most = bounds(asked)
    return ProbePlan(
        deployment.name,
        profile_for(deployment, load_profiles()).name,
        tuple(question.name for question in asked),
        most.sends,
        most.usage,
        pricer.expected_nano(deployment, most.usage),
    )


def due(
    known: Probed, deployment: Deployment, server: ServerVersion, *, reported: Sequence[str]
) -> str:
    """Why what is known holds no longer; empty when it does. `reported`: changes noticed since."""
    profile = profile_for(deployment, load_profiles()).name
    if not known.holds_for(deployment, profile=profile):
        return "the configuration names another model, address or profile than was probed"
    was, now = known.server, server
    # One that says nothing of itself has its name from the header of an answer, and one that does
    # not answer at all says nothing either way.
    if now.name and str(was) != str(now):
        return f"its server is {str(now)!r}, probed was {str(was)!r}"
    if now.details and was.details != now.details:
        return "its list of models says something else of the model than when it was probed"
    return "; ".join(reported)


async def version_of(transport: Transport, deployment: Deployment) -> ServerVersion:
    """Which server answers there now. Asks for no answer, so it costs nothing."""
    get = getter(transport, deployment, timeout_s=VERSION_S)
    return await server_version(get, deployment)


async def probe(
    deployment: Deployment,
    around: Around,
    *,
    context_up_to: int | None = None,
    told: Told | None = None,
) -> Probed:
    """Asks every question. Raises PolicyDenied where public data may not go, BackendError when
    the deployment does not answer even a plain one."""
    asked = _questions(deployment, context_up_to)
    profile = profile_for(deployment, load_profiles())
    sender = _Sender(deployment, around, most=bounds(asked).sends, told=told)
    probing = Probing(
        deployment,
        profile,
        ask=sender.ask,
        get=getter(around.transport, deployment, timeout_s=VERSION_S),
        context_up_to=longest_prompt(deployment, context_up_to),
    )
    server = await server_version(probing.get, deployment)
    sender.question = asked[0].name
    await probing.begin()
    for question in asked:
        sender.question = question.name
        found = await question.ask(probing)
        probing.found.update({verdict.column: verdict for verdict in found})
    return _probed(probing, sender, server, at=around.clock.wall())


def _questions(deployment: Deployment, context_up_to: int | None) -> tuple[Question, ...]:
    if deployment.in_process:
        raise InputError(
            f"deployment {deployment.name!r} is a model of this process and has no server",
            hint="name a deployment with a `url`",
        )
    return questions(deployment, context_up_to=longest_prompt(deployment, context_up_to))


def _probed(probing: Probing, sender: "_Sender", server: ServerVersion, *, at: float) -> Probed:
    deployment, reply = probing.deployment, probing.base.reply
    if not server.name:
        server = msgspec.structs.replace(server, name=probing.base.headers.get("server", ""))
    return Probed(
        deployment=deployment.name,
        identity=deployment.identity,
        profile=probing.profile.name,
        server=server,
        at=at,
        verdicts=_sorted(probing.found, probing.profile),
        model=reply.model if reply else "",
        fingerprint=reply.fingerprint if reply else "",
        sends=sender.sends,
        cost_nano=sender.cost_nano,
    )


def _sorted(found: Mapping[str, ProbeVerdict], profile: Profile) -> tuple[ProbeVerdict, ...]:
    """The columns of a profile first, in their order; then what is only to be read."""
    columns = [name for name in profile.__struct_fields__ if name in found]
    others = [name for name in found if name not in columns]
    return tuple(found[name] for name in (*columns, *others))


class _Sender:
    """Sends one request after the other through the engine, and counts them."""

    def __init__(
        self, deployment: Deployment, around: Around, *, most: int, told: Told | None
    ) -> None:
        self.question = ""
        self.sends = 0
        self.cost_nano: int | None = 0
        self._deployment = deployment
        self._around = around
        self._codec = codec_of(deployment.backend)
        self._most = most
        self._told = told
        self._retries = 0
        self._unanswered = 0
        self._labels = labels_for(Task(TASK, ""), document_class=DataClass.PUBLIC)
        self._clearance = clear(around.configuration, Task(TASK, ""), self._labels)
        self._clearance.require(deployment)

    async def ask(self, send: Send) -> Exchange:
        """What came back; asked once more where that can only be chance."""
        exchange, pause_s = await self._once(send, "first")
        if not _unanswered(exchange):
            self._unanswered = 0
            return exchange
        if self._retries < MOST_RETRIES:
            self._retries += 1
            await self._around.clock.sleep(pause_s)
            exchange, _ = await self._once(send, "retry")
            if exchange.status == 500 and exchange.reply is None:
                # One that fails at the same question twice, and answers others, will go on so.
                exchange = msgspec.structs.replace(exchange, refused=True)
        self._unanswered = self._unanswered + 1 if _unanswered(exchange) else 0
        if self._unanswered >= _MOST_UNANSWERED:
            raise BackendUnavailable(
                f"deployment {self._deployment.name!r} has stopped answering "
                f"at the question {self.question!r}: {exchange.error}",
                deployment=self._deployment.name,
                status=exchange.status or None,
                hint="nothing was stored; probe it again when it answers",
            )
        return exchange

    async def _once(self, send: Send, reason: AttemptReason) -> tuple[Exchange, float]:
        if self._told is not None:
            self._told(self.question, self.sends, self._most)
        caller = SendCaller(self._around.transport, self._codec, send)
        attempts = Attempts(
            {self._deployment.backend: caller},
            journal=self._around.journal,
            pricer=self._around.pricer,
            clock=self._around.clock,
        )
        self.sends += 1
        try:
            attempted = await attempts.make(self._turn(send, reason))
        except InputError as error:
            # The format itself has no way to say this; nothing was sent.
            return Exchange(refused=True, error=error.message), 0.0
        self._pay(attempted)
        asked_for_s = attempted.error.retry_after_s if attempted.error else None
        return caller.exchange, min(asked_for_s or _PAUSE_S, _LONGEST_PAUSE_S)

    def _turn(self, send: Send, reason: AttemptReason) -> Turn:
        around, deployment, request = self._around, self._deployment, send.request
        version = digest_text("probe", self.question, request.output)
        task = Task(TASK, version, output=request.output)
        usage = Usage(
            input=sum(len(turn.text) for turn in request.messages) // 3 + 16,
            output=request.sampling.max_output_tokens or 0,
            estimated=True,
        )
        expected = around.pricer.expected_nano(deployment, usage)
        candidate = Candidate(deployment.name, expected, reason=f"probe: {self.question}")
        call = Call(
            id=around.new_id(),
            task=task,
            labels=self._labels,
            fields={},
            messages=request.messages,
            reuse=False,
            asked=request,
        )
        return Turn(
            call,
            Plan(TASK, self._labels, self._clearance, (candidate,)),
            candidate,
            deployment,
            request.messages,
            reason,
            deadline=around.clock.monotonic() + deployment.timeouts.total_s,
        )

    def _pay(self, attempted: Attempted) -> None:
        cost = attempted.report.cost
        if cost.status == "unpriced":
            self.cost_nano = None
        elif self.cost_nano is not None:
            self.cost_nano += cost.marginal + cost.allocated


def _unanswered(exchange: Exchange) -> bool:
    return exchange.reply is None and not exchange.refused
