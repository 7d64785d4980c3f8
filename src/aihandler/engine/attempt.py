"""One attempt: intent, send, judgement, settlement. It is paid for once and always recorded."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TypedDict

import msgspec

from aihandler.backends.told import told
from aihandler.domain.answer import Reply, ReplyDone, StreamEvent, Validity
from aihandler.domain.attempt import AttemptOutcome, AttemptReason, AttemptReport, Candidate, Plan
from aihandler.domain.conversation import Message, Request, sampling_of
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Caller, Clock, Intent, Journal, Pricer, Settlement
from aihandler.domain.task import JsonOutput
from aihandler.domain.usage import Cost, Usage
from aihandler.engine.call import Call
from aihandler.engine.flights import Flights
from aihandler.engine.growing import Showing, with_partial_values
from aihandler.engine.judging import Judgement, judge
from aihandler.engine.keys import attempt_key
from aihandler.engine.partial import Heard
from aihandler.engine.queueing import Want
from aihandler.engine.schemas import Asking, Schemas
from aihandler.engine.slots import Place, Slots
from aihandler.engine.spending import Purse, Spending
from aihandler.engine.timing import Timer
from aihandler.errors import BackendError, BackendUnavailable, ContentRefused
from aihandler.validation import Verdict

_encode = msgspec.json.Encoder().encode
# A judgement of less takes a few milliseconds, and a change of threads is not free.
_LONG_CHARS = 64 * 1024
_LEAST_WAIT_S = 0.5


class Turn(msgspec.Struct, frozen=True):
    """What is tried next: whom, with which words, why, and until when.

    `validity` is how a good answer will have become valid; None when only the answer can tell.
    """

    call: Call
    plan: Plan
    candidate: Candidate
    deployment: Deployment
    messages: tuple[Message, ...]
    reason: AttemptReason
    deadline: float
    validity: Validity | None = None


class Attempted(msgspec.Struct, frozen=True):
    """What came of it: always a report; a reply and a verdict when the deployment answered."""

    report: AttemptReport
    reply: Reply | None = None
    verdict: Verdict | None = None
    validity: Validity | None = None
    error: BackendError | None = None
    reused: bool = False


class Attempts:
    """Makes attempts. Holds the slots of each deployment and the flights of equal work."""

    def __init__(
        self,
        callers: Mapping[str, Caller],
        *,
        journal: Journal,
        pricer: Pricer,
        clock: Clock,
        spending: Spending | None = None,
        slots: Slots | None = None,
        unavailable: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`unavailable` says who may not be asked at the moment, each with the reason."""
        self._callers = callers
        self._journal = journal
        self._pricer = pricer
        self._clock = clock
        self._slots = slots or Slots(clock)
        self._schemas = Schemas()
        self._flights = Flights()
        self._spending = spending
        self._unavailable = unavailable

    def make(self, turn: Turn) -> Awaitable[Attempted]:
        """Asks once, or finds what the same weights said when they were asked the same before.

        Raises BudgetExceeded when a budget cannot hold what it may cost; then nothing was sent.
        """
        sending = self._sending(turn, streamed=False)
        return self._send_or_find(sending) if turn.call.reuse else self._send(sending)

    async def _send_or_find(self, sending: "_Sending") -> Attempted:
        turn = sending.turn
        earlier = self._journal.finished(sending.key) or await self._flights.landed(sending.key)
        if earlier is not None:
            turn.call.require()
            return self._again(sending, earlier)
        with self._flights.open(sending.key) as flight:
            attempted = await self._send(sending)
            flight.land(attempted.reply)
            return attempted

    async def stream(self, turn: Turn) -> AsyncGenerator[StreamEvent | Attempted]:
        """Asks once and yields what comes as it comes; the last item is the Attempted.

        Raises BudgetExceeded as `make` does.
        """
        sending = self._sending(turn, streamed=True)
        with sending.purse as purse:
            if purse.budgets:
                # Money before the place: who waits for money takes no place from others.
                await purse.fill()
            with self._place(turn) as place:
                if unasked := self._unasked(turn, free=place.free or await place.wait()):
                    yield unasked
                    return
                entry_id = await self._begin(sending)
                heard = Heard(sending.request, sending.timer.first_byte)
                end: Reply | BackendError = BackendUnavailable(
                    f"{turn.deployment.name!r} ended its stream without an answer",
                    deployment=turn.deployment.name,
                )
                showing = Showing(
                    opening=bool(sending.request.raw), synced=turn.call.task.durability == "sync"
                )
                try:
                    async with aclosing(self._events(sending, entry_id)) as events:
                        async for event in events:
                            if isinstance(event, ReplyDone):
                                end = event.reply
                                continue
                            heard.note(event)
                            if showing.at_once:
                                yield event
                                continue
                            for shown in showing.now(event):
                                yield shown
                except BackendError as error:
                    end = end if isinstance(end, Reply) else error
                except BaseException:
                    await self._settle_stopped(sending, entry_id, heard.reply())
                    raise
                attempted = await self._settle(sending, entry_id, end, heard)
                for late in showing.late(whole=attempted.error is None):
                    yield late
                yield attempted

    async def synced(self, call: Call, *, deadline: float) -> None:
        """For a task whose answers wait for the disk: returns once all of this call is there.

        Raises StorageError.
        """
        if call.task.durability != "sync":
            return
        # An answer that came at the last moment is paid, and shall not be lost for a few
        # milliseconds; every call ends within a second of its deadline.
        until = max(deadline, self._clock.monotonic() + _LEAST_WAIT_S)
        await self._journal.synced(until=until)

    async def _send(self, sending: "_Sending") -> Attempted:
        turn = sending.turn
        with sending.purse as purse:
            if purse.budgets:
                # Money before the place, as in `stream`.
                await purse.fill()
            with self._place(turn) as place:
                if unasked := self._unasked(turn, free=place.free or await place.wait()):
                    return unasked
                entry_id = await self._begin(sending)
                try:
                    reply = await sending.caller.call(
                        sending.request,
                        turn.deployment,
                        turn.plan.clearance,
                        deadline=turn.deadline,
                        sent=partial(self._mark_sent, sending, entry_id),
                    )
                except BackendError as error:
                    return await self._settle_failure(sending, entry_id, error)
                except BaseException:
                    await self._settle_stopped(sending, entry_id)
                    raise
                return await self._settle_reply(sending, entry_id, reply)

    def _place(self, turn: Turn) -> Place:
        call, task = turn.call, turn.call.task
        want = Want(
            call.tags.get("key", ""),
            "batch" if "batch" in (call.priority, task.priority) else "interactive",
            within_s=turn.deadline - self._clock.monotonic(),
            # A run bounds itself; a client is better told soon than kept waiting.
            bounded=call.patience_s is not None,
        )
        return self._slots.place(turn.deployment, want)

    def _unasked(self, turn: Turn, *, free: bool) -> Attempted | None:
        """The attempt that is not made, where there is no place, or where it was switched off while
        it waited for one. Raises what the call's `permit` does.
        """
        name = turn.deployment.name
        if not free:
            error = BackendUnavailable(
                f"{name!r} had no place free, in time or at all",
                deployment=name,
                retry_after_s=self._slots.wait_s(turn.deployment),
                hint=f"raise deployments.{name}.limits.concurrency, or give the task more time",
            )
            return self._never_asked(turn, error)
        turn.call.require()
        why = self._unavailable().get(name)
        if why is None:
            return None
        return self._never_asked(
            turn, BackendUnavailable(f"{name!r} may not be asked: {why}", deployment=name)
        )

    def _never_asked(self, turn: Turn, error: BackendUnavailable) -> Attempted:
        # No entry: nothing was meant to be sent yet, so there is nothing to pay or to doubt.
        name = turn.deployment.name
        report = AttemptReport(
            0, name, turn.reason, "failed", Cost(), latency_s=0.0, error=error.message
        )
        return Attempted(report, error=error)

    def _events(self, sending: "_Sending", entry_id: int) -> AsyncGenerator[StreamEvent]:
        turn = sending.turn
        events = sending.caller.stream(
            sending.request,
            turn.deployment,
            turn.plan.clearance,
            deadline=turn.deadline,
            sent=partial(self._mark_sent, sending, entry_id),
        )
        is_json = isinstance(sending.request.output, JsonOutput)
        return with_partial_values(events) if is_json and not sending.request.raw else events

    def _sending(self, turn: Turn, *, streamed: bool) -> "_Sending":
        caller = self._callers[turn.deployment.backend]
        request = _request(turn)
        asking = self._schemas.asking(
            turn.call.task, request, caller, deployment=turn.deployment, streamed=streamed
        )
        if asking.sent is not None:
            request = msgspec.structs.replace(request, sent=asking.sent)
        model = caller.model_identity(request, turn.deployment)
        key = attempt_key(turn.call, request, model=model, clearance=turn.plan.clearance)
        # Before the last candidate a cheaper one may be had at once, so nobody waits for money.
        is_last = turn.deployment.name == turn.plan.candidates[-1].deployment
        until = turn.deadline if is_last else 0.0
        purse = Purse(
            self._spending, turn.call, deployment=turn.deployment, request=request, until=until
        )
        return _Sending(turn, request, caller, asking, model, key, Timer(self._clock), purse)

    async def _begin(self, sending: "_Sending") -> int:
        self._journal.note_clearance(sending.turn.plan.clearance)
        entry_id = await self._journal.intend(_intent(sending, self._clock.wall()))
        sending.purse.begun()
        turn = sending.turn
        if turn.call.task.durability == "sync":
            try:
                await self.synced(turn.call, deadline=turn.deadline)
            except BaseException:
                await self._settle_stopped(sending, entry_id)
                raise
        # Time in the queue and at the journal is not the deployment's.
        sending.timer.restart()
        return entry_id

    def _mark_sent(self, sending: "_Sending", entry_id: int) -> None:
        sending.timer.sent = True
        if sending.turn.deployment.in_process:
            # A model of this process may have been trained first; that is not how it answers.
            sending.timer.restart()
        self._journal.sent(entry_id)

    def _again(self, sending: "_Sending", reply: Reply) -> Attempted:
        turn = sending.turn
        judged = _judge(sending, reply)
        verdict = judged.verdict
        report = AttemptReport(
            entry_id=0,
            deployment=turn.deployment.name,
            reason=turn.reason,
            outcome=judged.outcome,
            cost=Cost(),
            latency_s=0.0,
            confidence=reply.confidence,
            problems=_problems(verdict),
            finish=reply.finish,
        )
        validity = _became_valid(verdict, turn)
        return Attempted(report, judged.reply, verdict, validity, reused=True)

    async def _settle(
        self, sending: "_Sending", entry_id: int, end: Reply | BackendError, heard: Heard
    ) -> Attempted:
        if isinstance(end, Reply):
            return await self._settle_reply(sending, entry_id, end)
        end.partial = heard.reply()
        return await self._settle_failure(sending, entry_id, end)

    async def _settle_reply(self, sending: "_Sending", entry_id: int, reply: Reply) -> Attempted:
        turn, latency_s = sending.turn, sending.timer.elapsed_s
        turn.call.meter(reply.usage)
        is_short = len(turn.call.source) + len(reply.text) < _LONG_CHARS
        # Looking for every figure of a long document takes most of a second: others go on then.
        judged = (
            _judge(sending, reply) if is_short else await asyncio.to_thread(_judge, sending, reply)
        )
        outcome, verdict = judged.outcome, judged.verdict
        said = told(reply)
        cost = self._cost(turn.deployment, reply.usage, latency_s, tier=said.tier)
        validity, problems = _became_valid(verdict, turn), _problems(verdict)
        settlement = Settlement(
            outcome,
            cost,
            latency_s,
            first_byte_s=sending.timer.first_byte_s,
            usage=reply.usage,
            validity=validity if outcome == "valid" else None,
            confidence=reply.confidence,
            problems=problems,
            reported_model=reply.model,
            request_id=reply.request_id,
            reply=_kept(reply),
            fingerprint=reply.fingerprint,
            tier=said.tier,
            reported_cost_usd=said.cost_usd,
        )
        if outcome == "valid" and turn.call.work_key:
            # The engine accepts this work next and waits for that, which covers both.
            self._journal.settle_with_next(entry_id, settlement)
        else:
            await self._journal.settle(entry_id, settlement)
        sending.purse.settle(settlement)
        if turn.call.task.durability == "sync":
            await self.synced(turn.call, deadline=turn.deadline)
        report = AttemptReport(
            entry_id,
            turn.deployment.name,
            turn.reason,
            outcome,
            cost,
            latency_s,
            usage=reply.usage,
            confidence=reply.confidence,
            problems=problems,
            finish=reply.finish,
        )
        return Attempted(report, judged.reply, verdict, validity)

    async def _settle_failure(
        self, sending: "_Sending", entry_id: int, error: BackendError
    ) -> Attempted:
        timer, turn = sending.timer, sending.turn
        outcome = _failure(error, sent=timer.sent)
        latency_s = timer.elapsed_s
        settlement = Settlement(
            outcome,
            Cost(),
            latency_s,
            first_byte_s=timer.first_byte_s,
            error_code=error.code,
            status=error.status,
            **_so_far(error.partial),
        )
        _meter(turn.call, settlement)
        await self._journal.settle(entry_id, settlement)
        sending.purse.settle(settlement)
        await self.synced(turn.call, deadline=turn.deadline)
        report = AttemptReport(
            entry_id,
            turn.deployment.name,
            turn.reason,
            outcome,
            Cost(),
            latency_s,
            error=error.message,
        )
        return Attempted(report, error=error)

    async def _settle_stopped(
        self, sending: "_Sending", entry_id: int, partial: Reply | None = None
    ) -> None:
        # Also a cancelled call may have been billed: what was sent is booked as doubt.
        outcome: AttemptOutcome = "in_doubt" if sending.timer.sent else "failed"
        stopped = Settlement(
            outcome,
            Cost(),
            sending.timer.elapsed_s,
            first_byte_s=sending.timer.first_byte_s,
            error_code="stopped",
            **_so_far(partial),
        )
        _meter(sending.turn.call, stopped)
        await asyncio.shield(self._journal.settle(entry_id, stopped))
        sending.purse.settle(stopped)

    def _cost(
        self, deployment: Deployment, usage: Usage | None, latency_s: float, *, tier: str
    ) -> Cost:
        if usage is None and not deployment.in_process:
            # Tokens that nobody counted are not free.
            return Cost(status="unpriced")
        asked_at = self._clock.wall() - latency_s
        return self._pricer.cost(deployment, usage or Usage(), latency_s, tier=tier, at=asked_at)


class _Sending(msgspec.Struct, frozen=True):
    turn: Turn
    request: Request
    caller: Caller
    asking: Asking
    model: str
    key: bytes
    timer: Timer
    purse: Purse


def _judge(sending: _Sending, reply: Reply) -> Judgement:
    return judge(sending.turn.call, sending.request, sending.asking, reply)


def _request(turn: Turn) -> Request:
    task, asked = turn.call.task, turn.call.asked
    if asked is not None:
        # Whoever says more than the client did cannot send the client's bytes.
        raw = asked.raw if turn.messages is asked.messages else b""
        if raw and asked.task == task.name and asked.output is task.output:
            return asked
        return msgspec.structs.replace(
            asked, task=task.name, messages=turn.messages, output=task.output, raw=raw
        )
    fields = turn.call.fields
    if turn.call.beside is not None:
        return msgspec.structs.replace(
            turn.call.beside,
            task=task.name,
            messages=turn.messages,
            fields=fields,
            output=task.output,
        )
    return Request(task.name, turn.messages, fields, task.output, sampling_of(task))


def _intent(sending: _Sending, now: float) -> Intent:
    turn, call, request = sending.turn, sending.turn.call, sending.request
    sent = sending.asking.sent
    return Intent(
        key=sending.key,
        call_id=call.id,
        task=call.task.name,
        task_version=call.task.version,
        deployment=turn.deployment.name,
        model=sending.model,
        reason=turn.reason,
        data_class=turn.plan.labels.data_class,
        clearance=turn.plan.clearance.fingerprint,
        expected_nano=turn.candidate.expected_nano,
        started_at=now,
        run_id=call.run_id,
        document_id=call.document_id,
        step=call.step,
        tenant=turn.plan.labels.tenant,
        tags=call.tags,
        request=_encode(request.messages or request.fields),
        schema_mode=sent.mode if sent else "",
        enforced=sent.enforced if sent else "",
        dropped=sent.dropped if sent else 0,
        held=sending.purse.held,
        inspections=call.inspections,
    )


def _meter(call: Call, ended: Settlement) -> None:
    """Of an attempt without an answer: what failed was not begun, unless something came of it."""
    if ended.usage is not None or ended.outcome != "failed":
        call.meter(ended.usage)


def _kept(reply: Reply) -> bytes:
    # The bytes say nothing that the parts do not.
    return _encode(msgspec.structs.replace(reply, raw=b"") if reply.raw else reply)


def _so_far(partial: Reply | None) -> "_SoFar":
    return {} if partial is None else {"usage": partial.usage, "reply": _encode(partial)}


class _SoFar(TypedDict, total=False):
    usage: Usage | None
    reply: bytes


def _failure(error: BackendError, *, sent: bool) -> AttemptOutcome:
    if isinstance(error, ContentRefused):
        return "refused"
    # An error status is the server's word that it did not answer. Silence after the send is doubt,
    # and so is an answer of status 200 that cannot be read: the work may be on the bill.
    refused = error.status is not None and error.status >= 400
    doubtful = isinstance(error, BackendUnavailable) and not refused
    return "in_doubt" if sent and doubtful else "failed"


def _became_valid(verdict: Verdict, turn: Turn) -> Validity:
    if turn.validity is not None:
        return turn.validity
    return Validity.REPAIRED if verdict.state == "repaired" else Validity.EXACT


def _problems(verdict: Verdict) -> tuple[str, ...]:
    if not verdict.problems:
        return ()
    return tuple(f"{p.pointer or '/'}: {p.message}" for p in verdict.problems)
