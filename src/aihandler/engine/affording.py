"""A plan as budgets leave it, for `explain`: who cannot be paid, and why. Holds nothing."""

from collections.abc import Iterable, Mapping

import msgspec

from aihandler.domain.attempt import Plan
from aihandler.domain.budget import Budget, BudgetState
from aihandler.domain.clearance import Exclusion
from aihandler.domain.conversation import Request, Sampling
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Pricer
from aihandler.domain.scopes import Scopes
from aihandler.domain.usage import shown_usd
from aihandler.engine.bounds import size_at_most
from aihandler.engine.call import Call
from aihandler.engine.prompting import Prompts


class Affording:
    """What of a plan the budgets can pay as they stand."""

    def __init__(
        self, budgets: Iterable[Budget], states: Iterable[BudgetState], *, pricer: Pricer
    ) -> None:
        self._book = Scopes(budgets)
        self._states = {(state.scope, state.per): state for state in states}
        self._pricer = pricer
        self._prompts = Prompts()

    def narrowed(self, plan: Plan, call: Call, deployments: Mapping[str, Deployment]) -> Plan:
        """The plan without the candidates that no attempt could be made at.

        Looks at what is spent: what calls under way hold may be had in a moment.
        """
        left, exclusions = [], []
        for candidate in plan.candidates:
            reason = self._objection(call, deployments[candidate.deployment])
            if reason:
                exclusions.append(Exclusion(candidate.deployment, "budget", reason))
            else:
                left.append(candidate)
        return msgspec.structs.replace(
            plan, candidates=tuple(left), exclusions=(*plan.exclusions, *exclusions)
        )

    def _objection(self, call: Call, deployment: Deployment) -> str:
        budgets = self._book.of(call.tags, task=call.task.name, deployment=deployment.name)
        if not budgets:
            return ""
        bound = self._pricer.bound_nano(
            deployment, size_at_most(self._request(call, deployment), deployment)
        )
        for budget in budgets:
            if bound is None and budget.unpriced == "refuse":
                return f"its price is not known, and budget {budget.scope!r} asks for one"
            state = self._states.get((budget.scope, budget.per))
            left = budget.limit_nano - (state.spent_nano if state else 0)
            if bound and bound > left:
                return (
                    f"may cost {shown_usd(bound)}, budget {budget.scope!r} has "
                    f"{shown_usd(max(0, left))} left of {shown_usd(budget.limit_nano)}"
                )
        return ""

    def _request(self, call: Call, deployment: Deployment) -> Request:
        task, messages = call.task, call.messages
        if not messages and not deployment.in_process:
            messages = self._prompts.messages(task, deployment, call.fields)
        sampling = Sampling(max_output_tokens=task.max_output_tokens)
        return Request(task.name, messages, call.fields, task.output, sampling)
