"""Where one call stands on its way through a plan."""

from collections.abc import Mapping

import msgspec

from aihandler.domain.answer import Answer, Reply, Validity
from aihandler.domain.attempt import AttemptReason, AttemptReport, Candidate, Plan
from aihandler.domain.conversation import Message
from aihandler.domain.deployment import Deployment
from aihandler.domain.keys import digest_text
from aihandler.domain.ports import ReviewItem
from aihandler.domain.task import Json
from aihandler.domain.usage import NANO, Cost
from aihandler.engine.attempt import Attempted, Turn
from aihandler.engine.call import Call
from aihandler.engine.contexts import no_context_holds, too_small_in
from aihandler.errors import (
    AIHandlerError,
    AllAttemptsFailed,
    AnswerRejected,
    BackendError,
    BudgetExceeded,
    ContextExceeded,
    Overloaded,
    PolicyDenied,
)

# Gates of routing that say how a deployment is just now, not what may be asked of it.
_MAY_PASS = frozenset({"available", "health"})
# Nobody knows when who is switched off or ejected is back.
_BACK_S = 5.0
_BUSY = "ask again later, or raise limits.concurrency or limits.queue of the deployment"


class Walk:
    """What was tried, what it cost, and why the next attempt is made."""

    def __init__(
        self,
        call: Call,
        plan: Plan,
        *,
        deadline: float,
        deployments: Mapping[str, Deployment],
    ) -> None:
        self._deployments = deployments
        self.call = call
        self.plan = plan
        self.deadline = deadline
        self.reason: AttemptReason = "first"
        self._reports: list[AttemptReport] = []
        self._proposal: Json = None
        self._last: Reply | None = None
        self._error: BackendError | None = None
        self._escalated = False
        self._passed_over: list[BudgetExceeded] = []
        self._too_small: set[str] = set()

    def may_go_on(self, now: float) -> bool:
        """False once the task's bounds on attempts, time or money are reached."""
        limits = self.call.task.limits
        if len(self._reports) >= limits.attempts or now >= self.deadline:
            return False
        if limits.cost_usd is None:
            return True
        return sum(report.cost.marginal for report in self._reports) < limits.cost_usd * NANO

    def turn(
        self, candidate: Candidate, deployment: Deployment, messages: tuple[Message, ...]
    ) -> Turn:
        """What is tried next, and how an answer to it would have become valid."""
        validity = Validity.ESCALATED if self._escalated else None
        if self.reason == "reask":
            validity = Validity.REASKED
        return Turn(
            self.call,
            self.plan,
            candidate,
            deployment,
            messages,
            self.reason,
            self.deadline,
            validity,
        )

    def leave(self, reason: AttemptReason) -> None:
        """Says why the next attempt is made; an escalation stays one through later failures."""
        self.reason = reason
        self._escalated = self._escalated or reason == "escalation"

    def note(self, attempted: Attempted) -> None:
        """Remembers an attempt; an answer that was not good enough becomes the proposal."""
        self._reports.append(attempted.report)
        verdict = attempted.verdict
        if isinstance(attempted.error, ContextExceeded):
            self._too_small.add(attempted.report.deployment)
            # What another one failed of is told before what a shorter request would mend.
            self._error = self._error or attempted.error
        else:
            self._error = attempted.error
        if self.call.asked is not None or self.call.beside is not None:
            self._last = attempted.reply or self._last
        if attempted.report.outcome != "valid" and verdict and verdict.value is not None:
            self._proposal = verdict.value

    def pass_over(self, error: BudgetExceeded) -> None:
        """Remembers a candidate that was not asked because a budget cannot hold its cost."""
        self._passed_over.append(error)
        self.leave("fallback")

    @property
    def lacks_money(self) -> bool:
        """Nobody that could hold the request was asked, for want of money alone."""
        return bool(self._passed_over) and not self._others

    @property
    def found_no_place(self) -> bool:
        """Nobody that could hold the request was asked, because all were busy."""
        if self._error is None or isinstance(self._error, ContextExceeded):
            return False
        return not any(report.entry_id for report in self._others)

    @property
    def _others(self) -> list[AttemptReport]:
        """The attempts at deployments that may hold the request."""
        if not self._too_small:
            return self._reports
        return [one for one in self._reports if one.deployment not in self._too_small]

    def answer(self, attempted: Attempted) -> Answer[Json]:
        """The valid answer that `attempted` brought, with the way to it."""
        verdict, validity = attempted.verdict, attempted.validity
        assert verdict is not None
        assert validity is not None
        return self._answer(
            verdict.value,
            validity=validity,
            route=attempted.report.deployment,
            confidence=attempted.report.confidence,
            notes=verdict.notes,
            reused=attempted.reused,
            reply=self._last,
        )

    def default_answer(self, value: Json) -> Answer[Json]:
        """The value that the task names for when there is no valid answer."""
        notes = (self._summary(),)
        return self._answer(value, validity=Validity.DEFAULT, route="", notes=notes)

    def review_item(self, now: float) -> ReviewItem:
        """This piece of work, for a person to decide. Equal work is queued once."""
        call = self.call
        work_key = call.work_key or call.id.encode()
        return ReviewItem(
            id=digest_text("review", work_key.hex())[:12],
            work_key=work_key,
            task=call.task.name,
            data_class=self.plan.labels.data_class,
            reason=self._summary(),
            created_at=now,
            run_id=call.run_id,
            document_id=call.document_id,
            step=call.step,
            tenant=self.plan.labels.tenant,
            input=msgspec.json.encode(call.fields),
            attempts=msgspec.json.encode(self._reports),
            proposal=self._proposal,
        )

    def refusal(self, review_id: str | None) -> AIHandlerError:
        """The error for a call without a valid answer."""
        where = f"task {self.call.task.name!r}"
        hint = f"see `aihandler show {self.call.id}`"
        if review_id is not None:
            hint = f"it waits for a person: `aihandler review show {review_id}`"
        if not self.plan.candidates:
            return self._no_candidate(where, review_id)
        if self.lacks_money:
            return self._no_money(where)
        if any(report.outcome in ("invalid", "abstained", "refused") for report in self._reports):
            return AnswerRejected(
                f"{where}: {self._summary()}",
                attempts=self._reports,
                review_id=review_id,
                reply=self._last,
                data_class=self.plan.labels.data_class,
                hint=hint,
            )
        if self.found_no_place:
            wait_s = self._error.retry_after_s if self._error else None
            return Overloaded(f"{where}: {self._summary()}", retry_after_s=wait_s, hint=_BUSY)
        if self._too_small and not self._others:
            return self._too_long(where, review_id)
        return AllAttemptsFailed(
            f"{where}: {self._summary()}",
            attempts=self._reports,
            review_id=review_id,
            last=self._error,
            too_small=self._too_small,
            hint=hint,
        )

    def _too_long(self, where: str, review_id: str | None) -> AIHandlerError:
        return no_context_holds(
            f"{where}: the request is too long ({self._summary()})",
            self._too_small | too_small_in(self.plan),
            self._deployments,
            attempts=self._reports,
            last=self._error,
            review_id=review_id,
        )

    def _no_candidate(self, where: str, review_id: str | None) -> AIHandlerError:
        data_class = self.plan.labels.data_class.value
        message = f"{where}: no deployment is left for {data_class} data; {self._summary()}"
        hint = f"run `aihandler explain {self.call.task.name}` to see every gate"
        if review_id is not None:
            return AnswerRejected(message, review_id=review_id, hint=hint)
        if too_small_in(self.plan):
            # A shorter one would be answered, whoever else may be back.
            return self._too_long(where, None)
        if any(one.gate in _MAY_PASS for one in self.plan.exclusions):
            # What is switched off or ejected may be back; what policy forbids stays forbidden.
            return Overloaded(message, retry_after_s=_BACK_S, hint=hint)
        return PolicyDenied(message, hint=hint)

    def _no_money(self, where: str) -> BudgetExceeded:
        # The nearest to being possible: what is only held now can be had in a moment.
        told = min(self._passed_over, key=lambda error: error.retry_after_s is None)
        return BudgetExceeded(
            f"{where}: {'; '.join(dict.fromkeys(e.message for e in self._passed_over))}",
            scope=told.scope,
            left_nano=told.left_nano,
            ends_at=told.ends_at,
            retry_after_s=told.retry_after_s,
            hint=told.hint,
        )

    def _summary(self) -> str:
        if not self.plan.candidates:
            return "; ".join(f"{e.deployment}: {e.reason}" for e in self.plan.exclusions)
        # A retry that failed as the attempt before it did says nothing more.
        told = dict.fromkeys(_told(report) for report in self._reports)
        told |= dict.fromkeys(error.message for error in self._passed_over)
        return "; ".join(told) or "no attempt was possible"

    def _answer(
        self,
        value: Json,
        *,
        validity: Validity,
        route: str,
        confidence: float | None = None,
        notes: tuple[str, ...] = (),
        reused: bool = False,
        reply: Reply | None = None,
    ) -> Answer[Json]:
        return Answer(
            value=value,
            validity=validity,
            route=route,
            confidence=confidence,
            cost=_total(self._reports),
            call_id=self.call.id,
            data_class=self.plan.labels.data_class,
            attempts=tuple(self._reports),
            notes=notes,
            reused=reused,
            reply=reply,
        )


def _total(reports: list[AttemptReport]) -> Cost:
    if len(reports) == 1:
        return reports[0].cost
    unpriced = any(report.cost.status == "unpriced" for report in reports)
    return Cost(
        marginal=sum(report.cost.marginal for report in reports),
        allocated=sum(report.cost.allocated for report in reports),
        status="unpriced" if unpriced else "priced",
        snapshot=reports[-1].cost.snapshot if reports else "",
    )


def _told(report: AttemptReport) -> str:
    why = report.error or "; ".join(report.problems)
    if report.outcome == "abstained" and report.confidence is not None:
        why = f"confidence {report.confidence:.2f}"
    return f"{report.deployment} {report.outcome}" + (f" ({why})" if why else "")
