"""What a question has at hand: the deployment, its row, whom to ask, and what was found so far."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from aihandler.backends.probing.sends import COUNT, Exchange, Send, asking, evidence, open_row
from aihandler.backends.profiles import Profile
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.probes import ProbeVerdict, ServerVersion
from aihandler.domain.task import Json
from aihandler.errors import BackendRejected, BackendUnavailable

Ask = Callable[[Send], Awaitable[Exchange]]
# GETs a path of the server as JSON; None where it has none. "~/" begins a path of the format.
Get = Callable[[str], Awaitable[Json]]
# Formats in which chat completions' own fields can be asked for.
CHAT = frozenset({"openai"})


class Probing:
    """One probe under way. `context_up_to`: the longest prompt, in tokens, that may be tried."""

    def __init__(
        self, deployment: Deployment, profile: Profile, *, ask: Ask, get: Get, context_up_to: int
    ) -> None:
        self.deployment = deployment
        self.profile = profile
        self.row = open_row(profile)
        self.context_up_to = context_up_to
        self.get = get
        self._ask = ask
        self.base = Exchange()
        self.server = ServerVersion()
        self.found: dict[str, ProbeVerdict] = {}

    async def send(
        self,
        request: Request,
        *,
        streamed: bool = False,
        changes: dict[str, Json] | None = None,
        **columns: Any,
    ) -> Exchange:
        """Asks, with these columns of the row changed."""
        row = msgspec.structs.replace(self.row, **columns) if columns else self.row
        return await self._ask(Send(request, row, streamed, changes or {}))

    async def begin(self) -> None:
        """The plain question that all others are compared with. Raises when it is not answered."""
        self.base = await self.send(asking(COUNT))
        if self.base.reply is None:
            # Nothing can be said of a server that does not answer the plainest request.
            kind = BackendRejected if self.base.refused else BackendUnavailable
            raise kind(
                self.base.error or f"{self.deployment.name!r} did not answer",
                deployment=self.deployment.name,
                status=self.base.status or None,
                hint="a probe needs a deployment that answers: see `aihandler doctor`",
            )

    def value(self, column: str) -> Json:
        """What was found of a column; None where nothing was."""
        known = self.found.get(column)
        return known.value if known is not None and known.source == "seen" else None

    def kept(self, column: str, why: str) -> ProbeVerdict:
        """A column that could not be told: its profile's word stands."""
        return ProbeVerdict(column, getattr(self.profile, column, None), evidence(why), "docs")


def verdict(column: str, value: Json, told: str) -> ProbeVerdict:
    """A verdict that was seen."""
    return ProbeVerdict(column, value, evidence(told))


def counted(exchange: Exchange) -> bool:
    """Whether the server counted tokens itself."""
    usage = exchange.reply.usage if exchange.reply else None
    return usage is not None and not usage.estimated
