"""What a probe found out of a deployment: verdicts, and of which server they hold."""

from typing import Literal

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Json

# seen: the server did it. docs: could not be told from what came; this is what its profile says.
VerdictSource = Literal["seen", "docs"]
# More of what came back says nothing more.
MAX_EVIDENCE_CHARS = 160


class ProbeVerdict(msgspec.Struct, frozen=True):
    """What one column of a profile should say, or an observation that no column has.

    `evidence` is what came back, in at most 160 characters. A `value` of None: not to be told.
    """

    column: str
    value: Json
    evidence: str = ""
    source: VerdictSource = "seen"


class ServerVersion(msgspec.Struct, frozen=True):
    """What a server says of itself without being asked for an answer; empty where it says nothing.

    `kind` is the name of the profile that ships for such a server, `details` what else tells one
    state of it from another.
    """

    name: str = ""
    version: str = ""
    kind: str = ""
    details: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts of one probe. They hold for this deployment, server version and profile.

    `identity` is `Deployment.identity`. `model` and `fingerprint` are what replies reported; `at`
    is in seconds since 1970, `sends` counts requests, `cost_nano` is None where one had no price.
    """

    deployment: str
    identity: str
    profile: str
    server: ServerVersion
    at: float
    verdicts: tuple[ProbeVerdict, ...]
    model: str = ""
    fingerprint: str = ""
    sends: int = 0
    cost_nano: int | None = None

    def holds_for(self, deployment: Deployment, *, profile: str) -> bool:
        """False when the deployment has become another one since, or has another profile."""
        return self.identity == deployment.identity and self.profile == profile

    def value(self, column: str) -> Json:
        """The verdict of a column; None where there is none."""
        return next((v.value for v in self.verdicts if v.column == column), None)
