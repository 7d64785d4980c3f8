"""Where a request's data may go: an immutable allow-list, made before the first byte moves."""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.domain.keys import digest_text
from aihandler.domain.labels import DataClass
from aihandler.errors import PolicyDenied


class Exclusion(msgspec.Struct, frozen=True):
    """A deployment that a gate took out, and why. Never quotes the text of a request."""

    deployment: str
    gate: str
    reason: str


class Clearance(msgspec.Struct, frozen=True, dict=True):
    """The deployments that data of this class may reach. Only `policy/` makes one.

    `allowed` maps a deployment's name to its `Deployment.identity`, so that one which was
    swapped for another of the same name is not let through.
    """

    data_class: DataClass
    allowed: Mapping[str, str]
    exclusions: tuple[Exclusion, ...] = ()

    def permits(self, deployment: Deployment) -> bool:
        """True when data under this clearance may be sent to `deployment`."""
        return self.allowed.get(deployment.name) == deployment.identity

    def require(self, deployment: Deployment) -> None:
        """Raises PolicyDenied unless `permits(deployment)`; called before a socket is opened."""
        if not self.permits(deployment):
            raise PolicyDenied(
                f"{self.data_class.value} data may not go to deployment {deployment.name!r}",
                hint="run `aihandler explain` to see which gate took it out",
            )

    @cached_property
    def fingerprint(self) -> str:
        """Names this allow-list in keys and in the ledger."""
        return digest_text("clearance", self.data_class.value, sorted(self.allowed.items()))
