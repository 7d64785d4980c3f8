"""Runs a plan: attempts in order until an answer is valid, within one deadline."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import msgspec

from aihandler.domain.answer import Answer, AnswerStarted, StreamEvent
from aihandler.domain.attempt import Candidate, Plan
from aihandler.domain.conversation import Message, ToolCall
from aihandler.domain.deployment import Deployment
from aihandler.domain.kept import CacheWatch, KeptAnswers
from aihandler.domain.keys import digest
from aihandler.domain.ports import Accepted, Clock, Journal, SnapshotSource
from aihandler.domain.task import Default, EmbeddingOutput, Json, Task, TextOutput
from aihandler.engine.attempt import Attempted, Attempts, Turn
from aihandler.engine.caching import Caching, Question
from aihandler.engine.call import Call
from aihandler.engine.inspecting import Inspection
from aihandler.engine.planning import Planner
from aihandler.engine.preferring import preferring
from aihandler.engine.prompting import Prompts
from aihandler.engine.walk import Walk
from aihandler.errors import BudgetExceeded
from aihandler.routing import Health, RetryBudget, delay_s, may_retry
from aihandler.validation import reask, reask_calls

# Retries of one deployment; the plan's own bounds on attempts and time stand above it.
RETRIES_EACH = 2


class Engine:
    """Executes calls. Everything that it touches is handed to it; only `handler.py` builds one."""

    def __init__(  # noqa: PLR0913  # what it executes with; none of it belongs together
        self,
        planner: Planner,
        attempts: Attempts,
        *,
        journal: Journal,
        clock: Clock,
        random: Callable[[], float],
        snapshot: SnapshotSource,
        health: Health,
        retry_budget: RetryBudget,
        inspection: Inspection | None = None,
    ) -> None:
        self._planner = planner
        self._attempts = attempts
        self._journal = journal
        self._clock = clock
        self._random = random
        self._snapshot = snapshot
        self._health = health
        self._retry_budget = retry_budget
        self._inspection = inspection
        self._prompts = Prompts()
        self._caching = Caching(planner.configuration, journal=journal, clock=clock)

    def keep_answers(self, store: KeptAnswers) -> None:
        """From now on keeps there the answers of tasks that ask for it."""
        self._caching.store = store

    def watch_cache(self, watch: CacheWatch) -> None:
        """From now on tells it of each look for a kept answer, and of each that is kept."""
        self._caching.watch = watch

    async def _inspected(self, call: Call, inspection: Inspection) -> Call:
        call = await inspection.of(call)
        call.require()
        return call

    def _plan_of(self, call: Call) -> Plan:
        """Clears and routes."""
        snapshot = self._health.apply(self._snapshot())
        plan = self._planner.route(call.task, call.labels, fields=call.fields, snapshot=snapshot)
        if not call.prefer or call.prefer in snapshot.set_aside:
            return plan
        return preferring(plan, call.prefer)

    async def run(self, call: Call) -> Answer[Json]:
        """A valid answer, recorded.

        Raises:
            PolicyDenied: no deployment may be asked at all, or an inspector refuses.
            NotInspected: an inspector failed.
            AnswerRejected: some answered, none validly; `review_id` says where it waits.
            AllAttemptsFailed: none answered. NoContextHolds: the request is too long for all.
            BudgetExceeded: no budget holds what any of them may cost.
            StorageError: it could not be recorded, so nothing more was sent.
        """
        deadline = self._clock.monotonic() + call.task.limits.total_s
        if self._inspection is not None:
            call = await self._inspected(call, self._inspection)
        plan = self._plan_of(call)
        question = None if call.task.cache is None else self._caching.question(call, plan)
        if question is None:
            return await self._asked(call, plan, deadline)
        # Whoever waits for an equal call waits within his own time.
        return await self._caching.once(question, lambda: self._asked(call, plan, deadline))

    async def _asked(self, call: Call, plan: Plan, deadline: float) -> Answer[Json]:
        self._retry_budget.note_request()
        walk = self._walk(call, plan, deadline)
        for candidate in plan.candidates:
            attempted = await self._try(candidate, walk)
            if attempted is not None:
                answer = walk.answer(attempted)
                return await self._accepted(call, answer) if call.work_key else answer
        return await self._unanswered(walk)

    def _walk(self, call: Call, plan: Plan, deadline: float) -> Walk:
        return Walk(
            call, plan, deadline=deadline, deployments=self._planner.configuration.deployments
        )

    def stream(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        """Events as they come, then the Answer. What must be valid as a whole comes whole, unless
        its task says `streaming: mark`: then it is shown as it grows.

        Until the first event a failure is a silent fallback; after it, it is raised: what has
        been shown cannot be taken back.
        """
        return self._shown(call) if _shown_as_it_comes(call.task) else self._whole(call)

    async def _whole(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        yield await self.run(call)

    async def _shown(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        deadline = self._clock.monotonic() + call.task.limits.total_s
        if self._inspection is not None:
            call = await self._inspected(call, self._inspection)
        plan = self._plan_of(call)
        question = self._caching.question(call, plan)
        if question is not None and (hit := await self._caching.found(question)) is not None:
            yield hit
            return
        self._retry_budget.note_request()
        walk = self._walk(call, plan, deadline)
        for turn in self._turns(walk):
            shown = False
            try:
                # No generator of its own: each costs with every piece of every answer.
                async with aclosing(self._attempts.stream(turn)) as events:
                    async for event in events:
                        if isinstance(event, Attempted):
                            answer = await self._ended(event, walk, question)
                            if answer is not None:
                                yield answer
                                return
                            continue
                        if not shown:
                            yield AnswerStarted(turn.candidate.deployment, walk.reason)
                        shown = True
                        yield event
            except BudgetExceeded as error:
                walk.pass_over(error)
            if shown:
                raise walk.refusal(None)
        yield await self._unanswered(walk)

    def _turns(self, walk: Walk) -> Iterator[Turn]:
        """One for each candidate that may be asked when it is its turn."""
        call = walk.call
        for candidate in walk.plan.candidates:
            unavailable = self._snapshot().unavailable
            if candidate.deployment in unavailable or not walk.may_go_on(self._clock.monotonic()):
                continue
            deployment = self._planner.configuration.deployments[candidate.deployment]
            priced = self._planner.priced(candidate, call.task, fields=call.fields)
            yield walk.turn(priced, deployment, self._messages(call, deployment))

    async def _ended(
        self, attempted: Attempted, walk: Walk, question: Question | None
    ) -> Answer[Json] | None:
        """The answer of a streamed attempt, if it is valid."""
        walk.note(attempted)
        self._note_health(attempted)
        if attempted.report.outcome != "valid":
            walk.leave("fallback" if attempted.error else "escalation")
            return None
        answer = walk.answer(attempted)
        if question is not None:
            await self._caching.keep(question, answer)
        return await self._accepted(walk.call, answer)

    async def _try(self, candidate: Candidate, walk: Walk) -> Attempted | None:
        deployment = self._planner.configuration.deployments[candidate.deployment]
        candidate = self._planner.priced(candidate, walk.call.task, fields=walk.call.fields)
        messages = self._messages(walk.call, deployment)
        retries = reasks = 0
        while walk.may_go_on(self._clock.monotonic()):
            if deployment.name in self._snapshot().unavailable:
                # Switched off since the plan was made.
                walk.leave("fallback")
                return None
            try:
                attempted = await self._attempts.make(walk.turn(candidate, deployment, messages))
            except BudgetExceeded as error:
                walk.pass_over(error)
                return None
            walk.note(attempted)
            self._note_health(attempted)
            if attempted.report.outcome == "valid":
                return attempted
            if attempted.error is not None:
                walk.leave("retry")
                if retries < RETRIES_EACH and await self._may_retry(walk, attempted, retries):
                    retries += 1
                    continue
                walk.leave("fallback")
                return None
            asked_enough = reasks >= walk.call.task.limits.reasks
            if asked_enough or not _worth_a_reask(walk.call.task, attempted, deployment):
                walk.leave("escalation")
                return None
            messages = _reasked(walk.call.task, messages, attempted)
            walk.leave("reask")
            reasks += 1
        return None

    def _note_health(self, attempted: Attempted) -> None:
        # An attempt that was never made, or found again, says nothing about the deployment.
        if attempted.report.entry_id:
            self._health.note(attempted.report.deployment, attempted.error)

    def _messages(self, call: Call, deployment: Deployment) -> tuple[Message, ...]:
        if call.messages or deployment.in_process:
            return call.messages
        return self._prompts.messages(call.task, deployment, call.fields)

    async def _may_retry(self, walk: Walk, attempted: Attempted, retries: int) -> bool:
        error = attempted.error
        # One that had no place for us was never asked: the next may have one.
        if error is None or not may_retry(error) or not attempted.report.entry_id:
            return False
        pause_s = delay_s(retries, random=self._random, retry_after_s=error.retry_after_s)
        patience_s = walk.call.patience_s
        if patience_s is not None and pause_s > patience_s:
            return False
        # A server that wants us back after the deadline is a server to leave.
        if self._clock.monotonic() + pause_s >= walk.deadline or not self._retry_budget.spend():
            return False
        await self._clock.sleep(pause_s)
        return True

    async def _accepted(self, call: Call, answer: Answer[Json]) -> Answer[Json]:
        if call.work_key:
            version = digest("answer", answer.value)
            done = Accepted(
                call.work_key,
                version,
                msgspec.json.encode(answer),
                run_id=call.run_id,
                document_id=call.document_id,
                step=call.step,
            )
            await self._journal.accept(done)
        return answer

    async def _unanswered(self, walk: Walk) -> Answer[Json]:
        otherwise = walk.call.task.otherwise
        if isinstance(otherwise, Default):
            return await self._accepted(walk.call, walk.default_answer(otherwise.value))
        # A person could not decide better than a model whom nobody has asked.
        if otherwise == "error" or walk.lacks_money or walk.found_no_place:
            raise walk.refusal(None)
        item = walk.review_item(self._clock.wall())
        await self._journal.review(item)
        await self._attempts.synced(walk.call, deadline=walk.deadline)
        raise walk.refusal(item.id)


def _shown_as_it_comes(task: Task) -> bool:
    usual = "mark" if isinstance(task.output, TextOutput) else "hold"
    return (task.streaming or usual) == "mark"


def _worth_a_reask(task: Task, attempted: Attempted, deployment: Deployment) -> bool:
    # A model of this process says the same again, and so does one of vectors; a cut answer would
    # be cut again.
    if deployment.in_process or attempted.verdict is None:
        return False
    if isinstance(task.output, EmbeddingOutput):
        return False
    return attempted.report.outcome == "invalid" and attempted.verdict.state != "truncated"


def _reasked(
    task: Task, messages: tuple[Message, ...], attempted: Attempted
) -> tuple[Message, ...]:
    reply, verdict = attempted.reply, attempted.verdict
    assert reply is not None
    assert verdict is not None
    if any(isinstance(part, ToolCall) for part in reply.parts):
        return reask_calls(messages, reply, verdict)
    return reask(messages, reply.text, verdict, task.output)
