"""Keys of clients: who asks, what they may, and until when."""

import math
from typing import Literal

import msgspec

from aihandler.domain.budget import Budget
from aihandler.domain.labels import DataClass

# member: asks models and sees its own calls. auditor: sees the calls of its tenant and the figures
# of the gateway, and asks no model unless its routes say so. operator: both. admin: also without a
# tenant, and then it sees the calls of all.
Role = Literal["member", "auditor", "operator", "admin"]
ROLES: tuple[Role, ...] = ("member", "auditor", "operator", "admin")
# What `routes` of a key may name; of `/v1/models` and `/v1/calls` all that lies below.
LOOKING_ROUTES = ("/v1/models", "/v1/calls", "/metrics")
ROUTES = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    *LOOKING_ROUTES,
)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret, which nobody keeps.

    `prefix` stands at the beginning of the secret and in lists. `tasks`, `deployments` and
    `routes` of None mean all. `ceiling` and `floor` bound the class of the data. Times are seconds
    since 1970.
    """

    id: str
    prefix: str
    name: str
    role: Role = "member"
    user: str = ""
    team: str = ""
    project: str = ""
    tenant: str = ""
    tasks: tuple[str, ...] | None = None
    deployments: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    ceiling: DataClass = DataClass.RESTRICTED
    floor: DataClass = DataClass.PUBLIC
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budgets: tuple[Budget, ...] = ()
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None

    @property
    def ends_at(self) -> float:
        """From when on it opens nothing; infinity where nothing ends it."""
        ends = (self.revoked_at, self.expires_at)
        return min((at for at in ends if at is not None), default=math.inf)

    def why_not(self, now: float) -> str:
        """Why it opens nothing at `now`; empty when it does."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "has expired"
        return ""


# What can be switched off. `all` has no name.
SwitchKind = Literal["all", "provider", "deployment", "model", "task", "key", "class"]


class Switch(msgspec.Struct, frozen=True):
    """Something that is switched off."""

    kind: SwitchKind
    name: str
    reason: str
    by: str
    at: float


class AuditRow(msgspec.Struct, frozen=True):
    """One administrative action. `digest` binds it to the row before."""

    seq: int
    at: float
    who: str
    action: str
    body: str
    digest: bytes
