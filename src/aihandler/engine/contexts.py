"""A request that is longer than every context that it may go to."""

from collections.abc import Collection, Mapping, Sequence

from aihandler.domain.attempt import AttemptReport, Plan
from aihandler.domain.deployment import Deployment
from aihandler.errors import AllAttemptsFailed, BackendError, ContextExceeded

# The gate of routing that leaves out what cannot hold the request, as far as that can be foreseen.
_GATE = "context"


class NoContextHolds(AllAttemptsFailed):
    """A shorter request may go through. Clients are told so in their own format's words."""

    code = ContextExceeded.code
    http_status = ContextExceeded.http_status


def too_small_in(plan: Plan) -> set[str]:
    """The deployments that a plan left out because their context does not hold the request."""
    return {one.deployment for one in plan.exclusions if one.gate == _GATE}


def no_context_holds(
    what: str,
    too_small: Collection[str],
    deployments: Mapping[str, Deployment],
    *,
    attempts: Sequence[AttemptReport] = (),
    last: BackendError | None = None,
    review_id: str | None = None,
) -> NoContextHolds:
    """The error that names the largest context, where any is known."""
    known = [deployments[name].limits.context_tokens for name in too_small if name in deployments]
    largest = max((tokens for tokens in known if tokens is not None), default=None)
    holds = "" if largest is None else f"; the largest context holds {largest} tokens"
    return NoContextHolds(
        f"{what}{holds}",
        attempts=attempts,
        review_id=review_id,
        last=last,
        too_small=too_small,
        hint="shorten the input, or use a deployment with a larger context",
    )
