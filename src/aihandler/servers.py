"""The side of `Handler` that looks at servers: which they are, what they do, as whom we ask."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aihandler.assembly import Rooms, transport_of
from aihandler.backends.discovery import FoundServer, discover
from aihandler.backends.transport import Transport
from aihandler.config.configuration import Configuration
from aihandler.config.secrets import resolve
from aihandler.domain.deployment import Deployment
from aihandler.domain.probes import Probed
from aihandler.errors import InputError
from aihandler.ledger import Archive, Prices
from aihandler.surroundings import SystemClock, without_key

if TYPE_CHECKING:
    from aihandler.probing import ProbePlan, Told

# How long `credential_of` waits: one fetch may ask several services.
CREDENTIALS_S = 30.0


class OfServers(ABC):
    """What these methods need is `Handler`'s own."""

    configuration: Configuration
    clock: SystemClock
    _environ: Mapping[str, str]

    @property
    @abstractmethod
    def prices(self) -> Prices:
        """What the deployments cost."""

    @property
    @abstractmethod
    def ledger_path(self) -> Path:
        """Where the ledger lies."""

    @abstractmethod
    def deployment(self, name: str) -> Deployment:
        """A deployment by name."""

    @abstractmethod
    def read_ledger(self) -> Archive:
        """The ledger as seen from beside."""

    @abstractmethod
    def new_id(self) -> str:
        """Names a call."""

    @abstractmethod
    def _opened(self) -> Rooms:
        """The rooms, opened for writing."""

    async def look_at(self, deployment: Deployment) -> FoundServer | None:
        """What answers where a deployment of this machine is; None when nothing does."""
        transport = Transport(
            monotonic=self.clock.monotonic, secrets=lambda s: resolve(s, self._environ)
        )
        try:
            origin = urlsplit(deployment.urls[0])._replace(path="", query="").geturl()
            return next(iter(await discover(transport, [origin])), None)
        finally:
            await transport.close()

    async def credential_of(self, deployment: Deployment) -> str:
        """Where the credentials of a deployment come from and how long they hold, in words.

        Raises BackendError when there are none. Asks its token endpoint, and not the deployment.
        """
        transport = transport_of(self.configuration, self._environ, self.clock)
        try:
            found = await transport.credential(deployment, within_s=CREDENTIALS_S)
        finally:
            await transport.close()
        if found.expires_at is None:
            return found.how
        left_s = max(0.0, found.expires_at - self.clock.wall())
        return f"{found.how}, for {left_s / 60:.0f} more minutes"

    def probe_plan(self, deployment: str, *, context_up_to: int | None = None) -> "ProbePlan":
        """What a probe would ask, and what it would cost at most. Asks nothing."""
        from aihandler.probing import planned

        return planned(self.deployment(deployment), self.prices, context_up_to=context_up_to)

    async def probe(
        self, deployment: str, *, context_up_to: int | None = None, told: "Told | None" = None
    ) -> Probed:
        """Finds out what a deployment's server really does, and keeps it for later runs.

        Raises PolicyDenied where not even public data may go, BackendError, InputError.
        """
        from aihandler.probing import Around, probe

        asked = self.deployment(deployment)
        lacking = without_key(self.configuration, self._environ).get(asked.name)
        if lacking is not None:
            raise InputError(lacking, hint="set it, and probe again")
        rooms = self._opened()
        await rooms.ready()
        transport = transport_of(self.configuration, self._environ, self.clock)
        around = Around(
            self.configuration, transport, rooms.ledger.journal, rooms.prices, self.clock,
            self.new_id,
        )  # fmt: skip
        try:
            probed = await probe(asked, around, context_up_to=context_up_to, told=told)
        finally:
            await transport.close()
        rooms.ledger.keep_probe(probed)
        return probed

    def probed(self) -> Mapping[str, Probed]:
        """The newest probe of each deployment, whether or not it still holds."""
        if not self.ledger_path.exists():
            return {}
        with self.read_ledger() as ledger:
            return ledger.queries.probes()

    async def probe_is_due(self, deployment: str) -> str:
        """Why a deployment should be probed; empty when what is known of it still holds.

        Asks the server which one it is, and for nothing else.
        """
        from aihandler.probing import due, version_of

        asked = self.deployment(deployment)
        known = self.probed().get(asked.name)
        if known is None:
            return "was never probed"
        transport = transport_of(self.configuration, self._environ, self.clock)
        try:
            server = await version_of(transport, asked)
        finally:
            await transport.close()
        with self.read_ledger() as ledger:
            changes = ledger.queries.changes(since=known.at)
        reported = [change for change in changes if change.deployment == asked.name]
        return due(known, asked, server, reported=[str(change) for change in reported])
