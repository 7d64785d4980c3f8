"""Money of one attempt: held before it is made, put right when its end is known."""

from types import TracebackType
from typing import Self

from aihandler.domain.budget import Budget, Held, booked_nano
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Clock, Pricer, Reserves, Settlement
from aihandler.domain.scopes import Scopes
from aihandler.engine.bounds import size_at_most
from aihandler.engine.call import Call
from aihandler.errors import BudgetExceeded

# A client waits longer where money keeps coming back, and not without end: others come meanwhile.
_PATIENCES = 5


class Spending:
    """Which budgets an attempt counts against, and what it can cost at most."""

    def __init__(
        self, book: Scopes[Budget], reserves: Reserves, *, pricer: Pricer, clock: Clock
    ) -> None:
        self._book = book
        self._pricer = pricer
        self._clock = clock
        self.reserves = reserves

    def budgets(self, call: Call, deployment: Deployment) -> tuple[Budget, ...]:
        """Those of who asks, and those of the configuration."""
        known = self._book.of(call.tags, task=call.task.name, deployment=deployment.name)
        if not call.budgets:
            return known
        own = {(budget.scope, budget.per) for budget in call.budgets}
        return call.budgets + tuple(b for b in known if (b.scope, b.per) not in own)

    def bound_nano(self, request: Request, deployment: Deployment) -> int | None:
        """What an attempt can cost at most; None when there is no price."""
        tier = request.extra.get("service_tier")
        return self._pricer.bound_nano(
            deployment,
            size_at_most(request, deployment),
            tier=tier if isinstance(tier, str) else "",
        )

    def waits_s(self, call: Call, until: float) -> tuple[float, float]:
        """How long a call may wait for money until that moment: where none comes back, and where
        it keeps coming.
        """
        left_s = until - self._clock.monotonic()
        if call.patience_s is None:
            return left_s, left_s
        return min(left_s, call.patience_s), min(left_s, _PATIENCES * call.patience_s)


class Purse:
    """What one attempt holds. Entered around it: `fill` first, and what was not begun goes back.

    `until` is how long it may wait for money that calls under way hold.
    """

    def __init__(
        self,
        spending: Spending | None,
        call: Call,
        *,
        deployment: Deployment,
        request: Request,
        until: float,
    ) -> None:
        self.held: Held | None = None
        self._spending = spending
        self._call = call
        self._deployment = deployment
        self._request = request
        self._until = until
        self._begun = False
        # Without any there is nothing to fill.
        self.budgets = spending.budgets(call, deployment) if spending is not None else ()

    def __enter__(self) -> Self:
        return self

    async def fill(self) -> None:
        """Holds the most that the attempt can cost. Raises BudgetExceeded, StorageError."""
        spending = self._spending
        if spending is None or not self.budgets:
            return
        bound = spending.bound_nano(self._request, self._deployment)
        if bound is None:
            _require_a_price(self.budgets, self._deployment)
        elif bound > 0:
            patience_s, longest_s = spending.waits_s(self._call, self._until)
            self.held = await spending.reserves.reserve(
                self.budgets,
                bound,
                purpose=f"an attempt at {self._deployment.name!r}",
                patience_s=patience_s,
                longest_s=longest_s,
            )

    def begun(self) -> None:
        """Its intent is written: from now on only a settlement gives anything back."""
        self._begun = True

    def settle(self, settlement: Settlement) -> None:
        """Called when the settlement is written."""
        held, self.held = self.held, None
        if held is not None and self._spending is not None:
            self._spending.reserves.settle(held, booked_nano(held, settlement))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.held is not None and not self._begun and self._spending is not None:
            self._spending.reserves.settle(self.held, 0)
            self.held = None


def _require_a_price(budgets: tuple[Budget, ...], deployment: Deployment) -> None:
    strict = next((b for b in budgets if b.unpriced == "refuse"), None)
    if strict is not None:
        raise BudgetExceeded(
            f"budget {strict.scope!r} cannot hold an attempt at {deployment.name!r}, "
            "whose price is not known",
            scope=strict.scope,
            hint=f"state deployments.{deployment.name}.price, or let the budget say "
            "`unpriced: allow`",
        )
