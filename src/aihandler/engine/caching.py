"""Answers that are kept for equal requests: found before anybody is asked, kept when valid.

Everything that may forbid a call has had its say before (keys, switches, the plan), and says it of
the kept answer too: who may not be asked now has not answered either.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.answer import Answer, Cached, Validity
from aihandler.domain.attempt import Plan
from aihandler.domain.conversation import ToolCall
from aihandler.domain.kept import CacheEvent, CacheHit, CacheWatch, KeptAnswer, KeptAnswers, Owner
from aihandler.domain.ports import Clock, Journal
from aihandler.domain.task import CacheSettings, Json
from aihandler.domain.usage import Cost
from aihandler.engine.call import Call
from aihandler.engine.flights import Flights
from aihandler.engine.questions import Questions
from aihandler.errors import StorageError

_log = logging.getLogger(__name__)

_COMPLAIN_EVERY_S = 60.0
# A default stands for an answer that did not come; it may come the next time.
_KEPT = frozenset({Validity.EXACT, Validity.REPAIRED, Validity.REASKED, Validity.ESCALATED})


class Question(msgspec.Struct, frozen=True):
    """A call whose answer may be kept."""

    call: Call
    plan: Plan
    name: bytes
    settings: CacheSettings


class Caching:
    """Finds and keeps answers. A store that fails is one that has none."""

    def __init__(self, configuration: Configuration, *, journal: Journal, clock: Clock) -> None:
        self.store: KeptAnswers | None = None
        self.watch: CacheWatch | None = None
        self._questions = Questions(configuration)
        self._journal = journal
        self._clock = clock
        self._flights = Flights()
        self._complained = float("-inf")

    def question(self, call: Call, plan: Plan) -> Question | None:
        """None unless both task and call want the cache, and the answer depends on nothing else."""
        settings = call.task.cache
        if settings is None or call.cache == "off" or self.store is None:
            return None
        name = self._questions.name(call, plan)
        return Question(call, plan, name, settings) if name else None

    async def once(
        self, question: Question, ask: Callable[[], Awaitable[Answer[Json]]]
    ) -> Answer[Json]:
        """The kept answer, or what `ask` brings. Of equal calls one asks and the others wait for
        it, once: when nothing was kept of it, each of them asks.
        """
        hit = await self._found(question)
        # Nobody waits for one who lets others go first.
        flight = question.name + question.call.priority.encode()
        if hit is None and question.call.cache == "use":
            hit = await self._found(question) if await self._flights.over(flight) else None
        self._tell_of_look(question, hit)
        if hit is not None:
            return hit
        with self._flights.open(flight):
            answer = await ask()
            await self.keep(question, answer)
            return answer

    async def found(self, question: Question) -> Answer[Json] | None:
        """The kept answer, with its entry in the ledger. Raises StorageError when that cannot be
        written.
        """
        hit = await self._found(question)
        self._tell_of_look(question, hit)
        return hit

    async def _found(self, question: Question) -> Answer[Json] | None:
        kept = self._looked_up(question)
        if kept is None:
            return None
        age_s = self._clock.wall() - kept.at
        # A clock that was put back makes nothing younger.
        in_time = 0 <= age_s < question.settings.ttl_s
        if not in_time or not _may_have_answered(kept.route, question.plan):
            return None
        # It may have waited for an equal call.
        question.call.require()
        await self._note(question, kept, age_s)
        return _answer(question, kept, age_s)

    async def keep(self, question: Question, answer: Answer[Json]) -> None:
        """Keeps an answer that is valid and whole."""
        if self.store is None or not _is_whole(answer):
            return
        call, last = question.call, answer.attempts[-1]
        kept = KeptAnswer(
            call_id=answer.call_id,
            at=self._clock.wall(),
            route=answer.route,
            value=answer.value,
            validity=answer.validity,
            confidence=answer.confidence,
            notes=answer.notes,
            usage=last.usage,
            reply=answer.reply,
        )
        owner = Owner(call.task.name, call.labels.tenant)
        try:
            await asyncio.to_thread(
                self.store.keep, question.name, kept, owner=owner, settings=question.settings
            )
        except (StorageError, ValueError, TypeError, OverflowError) as error:
            self._complain(error)
            return
        self._tell(call.task.name, "kept")

    def _looked_up(self, question: Question) -> KeptAnswer | None:
        if self.store is None or question.call.cache != "use":
            return None
        try:
            # A thread for it would cost several times what the look does.
            return self.store.find(question.name)
        except StorageError as error:
            self._complain(error)
            return None

    async def _note(self, question: Question, kept: KeptAnswer, age_s: float) -> None:
        call, plan = question.call, question.plan
        self._journal.note_clearance(plan.clearance)
        hit = CacheHit(
            call_id=call.id,
            at=self._clock.wall(),
            source=kept.call_id,
            age_s=age_s,
            task=call.task.name,
            task_version=call.task.version,
            deployment=kept.route,
            validity=kept.validity,
            data_class=plan.labels.data_class,
            clearance=plan.clearance.fingerprint,
            tenant=plan.labels.tenant,
            tags=call.tags,
        )
        await self._journal.hit(hit)
        if call.task.durability == "sync":
            until = self._clock.monotonic() + call.task.limits.total_s
            await self._journal.synced(until=until)

    def _tell_of_look(self, question: Question, hit: Answer[Json] | None) -> None:
        # Who wants an answer that is made anew has not looked.
        if question.call.cache == "use":
            self._tell(question.call.task.name, "miss" if hit is None else "hit")

    def _tell(self, task: str, event: CacheEvent) -> None:
        if self.watch is not None:
            self.watch(task, event)

    def _complain(self, error: Exception) -> None:
        now = self._clock.monotonic()
        if now - self._complained >= _COMPLAIN_EVERY_S:
            self._complained = now
            _log.warning("answers are not kept, or not found: %s", error)


def _may_have_answered(name: str, plan: Plan) -> bool:
    if any(candidate.deployment == name for candidate in plan.candidates):
        return True
    # One that is down may not be asked just now; what it said is as good as before.
    return any(out.deployment == name and out.gate == "health" for out in plan.exclusions)


def _is_whole(answer: Answer[Json]) -> bool:
    if answer.reused or not answer.attempts or answer.validity not in _KEPT:
        return False
    if answer.attempts[-1].finish != "stop":
        return False
    parts = answer.reply.parts if answer.reply is not None else ()
    # A call of a tool is a deed at its moment, and its id belongs to one conversation.
    return not any(isinstance(part, ToolCall) for part in parts)


def _answer(question: Question, kept: KeptAnswer, age_s: float) -> Answer[Json]:
    return Answer(
        value=kept.value,
        validity=kept.validity,
        route=kept.route,
        confidence=kept.confidence,
        cost=Cost(),
        call_id=question.call.id,
        data_class=question.plan.labels.data_class,
        notes=kept.notes,
        reused=True,
        reply=kept.reply,
        cached=Cached(kept.call_id, age_s, kept.usage),
    )
