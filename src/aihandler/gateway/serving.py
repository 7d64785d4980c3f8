"""What routes need of the house: calls are made, run and told of."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.answer import Answer, StreamEvent
from aihandler.domain.api_key import Switch
from aihandler.domain.conversation import Request
from aihandler.domain.kept import CacheUse
from aihandler.domain.labels import ClassSource, DataClass, Labels
from aihandler.domain.ports import Clock, Inspector
from aihandler.domain.rules import Key
from aihandler.domain.scopes import Scopes
from aihandler.domain.task import Json, Priority, Task
from aihandler.engine import Call, Inspection
from aihandler.engine.bounds import answers_at_most
from aihandler.engine.planning import ASSUMED_OUTPUT_TOKENS
from aihandler.errors import InputError
from aihandler.gateway.admission import Asker, Switches
from aihandler.gateway.classes import class_said
from aihandler.gateway.ending import Ending
from aihandler.gateway.estimates import estimated_tokens
from aihandler.gateway.rates import Rate, Rates, Ticket
from aihandler.gateway.repeating import Repeating
from aihandler.gateway.sticking import Sticking
from aihandler.gateway.targets import Target, Targets
from aihandler.ledger import Archive, CallRecord
from aihandler.policy import labels_for, raised

# A worker looks each second.
STORE_AWAY_S = 5.0
PRIORITY_HEADER = "x-aihandler-priority"
_LABELS_KEPT = 1024
# A task, the class that a header says, and who asks.
_Said = tuple[str, DataClass | None, str]
_PRIORITIES: Mapping[str, Priority] = {"batch": "batch", "interactive": "interactive"}


class Runs(Protocol):
    """The engine, as `Handler` offers it."""

    async def run_call(self, call: Call) -> Answer[Json]:
        """A valid answer, recorded."""
        ...

    def stream_call(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        """Events as they come, then the answer."""
        ...

    def new_id(self) -> str:
        """Names a call."""
        ...

    def set_apart(self, deployments: Mapping[str, str]) -> None:
        """Asks none of these, each with its reason, until this is called again."""
        ...

    def apart(self) -> Mapping[str, str]:
        """The deployments that are not asked now, each with its reason."""
        ...

    def read_ledger(self) -> Archive:
        """The ledger as seen from beside."""
        ...


class Serving:
    """One configuration in force."""

    def __init__(
        self,
        configuration: Configuration,
        runs: Runs,
        *,
        clock: Clock,
        rates: Rates | None = None,
        repeating: Repeating | None = None,
        inspectors: Sequence[Inspector] = (),
    ) -> None:
        """`inspectors` look at every request, beside those that `runs` may have of its own."""
        self._rates = rates
        self._labels: dict[_Said, tuple[Task, Key | None, Labels]] = {}
        self._renewed_at: float | None = None
        limits = configuration.limits
        self._limits = Scopes(Rate(one.scope, one.requests, one.tokens) for one in limits)
        self.repeating = repeating
        # Told the task of each request that is answered as it was before.
        self.repeated: Callable[[str], object] | None = None
        self.configuration = configuration
        self._all = tuple(configuration.deployments)
        self.switches = Switches()
        self.targets = Targets(configuration, configuration.aliases)
        self.clock = clock
        self.sticking = Sticking(clock)
        self.ending = Ending()
        self._runs = runs
        self.run = runs.run_call
        self.stream = runs.stream_call
        if inspectors:
            self._inspection = Inspection(inspectors)
            self.run = self._run_inspected
            self.stream = self._stream_inspected
        self.new_id = runs.new_id

    async def _inspected(self, call: Call) -> Call:
        call = await self._inspection.of(call)
        # A class that is switched off stays off for what only its content puts into it.
        call.require()
        return call

    async def _run_inspected(self, call: Call) -> Answer[Json]:
        return await self._runs.run_call(await self._inspected(call))

    async def _stream_inspected(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        async with aclosing(self._runs.stream_call(await self._inspected(call))) as events:
            async for event in events:
                yield event

    def require(self, asker: Asker) -> None:
        """Raises where nothing may be asked, or not by this asker: Unauthenticated, SwitchedOff."""
        asker.holds()
        if self.switches.any:
            self.switches.require("all")
            self.switches.require("key", asker.name)

    def require_known(self, asker: Asker) -> None:
        """The same for who only looks: while everything is off that is when somebody has to."""
        asker.holds()
        self.switches.require("key", asker.name)

    def permit(self, asker: Asker, task: str) -> Callable[[Labels], None]:
        """What a call asks after each wait: raises where what let it in has ended since."""

        def look(labels: Labels) -> None:
            self.require(asker)
            if self.switches.any:
                self.switches.require("task", task)
                self.switches.require("class", labels.data_class.value)

        return look

    def admit(self, asker: Asker, request: Request, *, call: Call) -> Ticket | None:
        """Counts a client's request, which became `call`, against the minute of who asks, and of
        what; None where nothing bounds it. Raises RateLimited.
        """
        if self._rates is None:
            return None
        rates = asker.rates + self._limits.of(asker.tags, task=call.task.name)
        if not rates:
            return None
        return self._rates.admit(rates, estimated_tokens(request) + _answers(request, call))

    def admit_look(self, asker: Asker) -> None:
        """Counts a request that asks no model. Raises RateLimited."""
        if self._rates is not None and asker.looks:
            self._rates.admit(asker.looks, 0)

    def permit_repeat(self, call: Call, asker: Asker, data_class: DataClass | None) -> None:
        """Lets a request be answered as it was before, and counts it: it takes no tokens.

        `data_class` is what the call had in the end, which its content may have raised. Who
        answered is not asked again and may be switched off since: this asker has the answer
        already, or was on the way to it. Raises Refused, Unauthenticated, RateLimited.
        """
        if data_class is not None and data_class > call.labels.data_class:
            labels = raised(call.labels, ClassSource("its content", data_class))
            call = msgspec.structs.replace(call, labels=labels)
        call.require()
        if self._rates is not None:
            self._rates.admit(asker.rates + self._limits.of(asker.tags, task=call.task.name), 0)
        if self.repeated is not None:
            self.repeated(call.task.name)

    def settle(self, ticket: Ticket | None) -> None:
        """Puts the reserved tokens right: with what was used."""
        if self._rates is not None and ticket is not None:
            self._rates.settle(ticket)

    def calls(self, call_id: str) -> tuple[CallRecord, ...]:
        """What the ledger knows of a call. Raises InputError."""
        with self._runs.read_ledger() as ledger:
            return ledger.queries.show(call_id)

    def not_ready(self) -> str:
        """Why requests should go elsewhere for now; empty when they may come."""
        renewed_at = self._renewed_at
        if renewed_at is not None and self.clock.monotonic() - renewed_at > STORE_AWAY_S:
            # Whoever cannot read keys and switches may not know of one that is off.
            return "the store cannot be read"
        if self.switches.of("all"):
            return "switched off"
        if set(self.configuration.deployments) <= set(self._runs.apart()):
            return "no deployment may be asked"
        return ""

    def still_holds(self) -> None:
        """The store was read, and says what it said."""
        self._renewed_at = self.clock.monotonic()

    def renew(self, switches: Iterable[Switch]) -> None:
        """Takes what is switched off now, and sets its deployments apart."""
        self.still_holds()
        self.switches.renew(switches)
        off = {kind: self.switches.of(kind) for kind in ("provider", "deployment", "model")}
        apart: dict[str, str] = {}
        for name, deployment in self.configuration.deployments.items():
            named = {"provider": deployment.provider, "deployment": name}
            for kind, value in {**named, "model": deployment.model.name}.items():
                if value in off[kind]:
                    apart[name] = f"{kind} {value!r} is switched off: {off[kind][value]}"
        self._runs.set_apart(apart)

    def target(self, model: str, request: Request, asker: Asker) -> Target:
        """What `model` means to who asks. Raises UnknownModel, Refused, SwitchedOff."""
        target = self.targets.find(model, request)
        task = target.task
        candidates = task.candidates or self._all
        asker.require(task.name, candidates)
        if self.switches.any:
            self.switches.require("task", task.name)
        key = asker.api_key
        if key is None or key.deployments is None:
            return target
        narrowed = tuple(name for name in candidates if name in key.deployments)
        return Target(msgspec.structs.replace(task, candidates=narrowed), target.own_task)

    def models(self, asker: Asker) -> list[str]:
        """All that `model` may say of who asks."""
        names = self.targets.names()
        return [name for name in names if asker.may(*self.targets.asked_by(name))]

    def priority(self, headers: Mapping[str, str]) -> Priority:
        """Who is served first, as the client says. Raises InputError."""
        said = headers.get(PRIORITY_HEADER, "interactive")
        if said in _PRIORITIES:
            return _PRIORITIES[said]
        raise InputError(
            f"there is no priority {said!r} (at header {PRIORITY_HEADER})",
            hint="say `batch`, or leave it out",
        )

    def cache_use(self, task: Task, headers: Mapping[str, str]) -> CacheUse:
        """What a client wants of the answers that a task keeps; `use` where it does not say."""
        if task.cache is None:
            return "off"
        said = headers.get("cache-control", "")
        directives = {one.strip().lower() for one in said.split(",")}
        if "no-store" in directives:
            return "off"
        return "renew" if "no-cache" in directives else "use"

    def labels(self, task: Task, headers: Mapping[str, str], asker: Asker) -> Labels:
        """The class of a request: a header may say it, and never lowers what key or task say."""
        given = class_said(headers)
        # Labels follow from task, header and key alone, and most requests bring the same three.
        named = (task.name, given, asker.name)
        known = self._labels.get(named)
        if known is None or known[0] is not task or known[1] is not asker.key:
            labels = labels_for(task, document_class=given, key=asker.key)
            if len(self._labels) >= _LABELS_KEPT:
                self._labels.clear()
            known = self._labels[named] = (task, asker.key, labels)
        if self.switches.any:
            self.switches.require("class", known[2].data_class.value)
        return known[2]


def _answers(request: Request, call: Call) -> int:
    most = answers_at_most(request, assumed=ASSUMED_OUTPUT_TOKENS)
    if call.asked is not None:
        return most
    # A task is asked in its own words, among which the client's bound may not be.
    return max(most, call.task.max_output_tokens or ASSUMED_OUTPUT_TOKENS)
