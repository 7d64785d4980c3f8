"""One credential source per deployment, made when it is first asked for."""

from collections.abc import Callable, Mapping

import msgspec

from aihandler.backends.credentials.asking import Asker, AskForToken
from aihandler.backends.credentials.credential import Credential, Headers, Outgoing
from aihandler.backends.credentials.renewal import Fetch, Renewal
from aihandler.domain.deployment import (
    AwsCredentials,
    AzureCredentials,
    Deployment,
    GoogleCredentials,
    Secret,
)
from aihandler.domain.ports import Clock

MakeSources = Callable[[AskForToken], "Sources"]


class Surroundings(msgspec.Struct, frozen=True):
    """Where sources look: the environment, references to secrets, time, and chance from 0 to 1."""

    environ: Mapping[str, str]
    secrets: Callable[[Secret], str]
    clock: Clock
    random: Callable[[], float]


class Sources:
    """Who signs for which deployment. `ask` is the transport's `ask_for_token`."""

    def __init__(self, ask: AskForToken, surroundings: Surroundings) -> None:
        self._ask = ask
        self._around = surroundings
        self._renewals: dict[str, tuple[Deployment, Renewal]] = {}

    async def credential(self, deployment: Deployment, *, within_s: float) -> Credential:
        """A credential that holds. Raises BackendUnavailable and BackendRejected."""
        return await self._renewal(deployment).get(within_s=within_s)

    async def replaced(
        self, deployment: Deployment, *, used: Credential, within_s: float
    ) -> Credential | None:
        """Another one than `used`, which the server called expired; None when there is none."""
        return await self._renewal(deployment).replaced(used, within_s=within_s)

    def headers(self, credential: Credential, outgoing: Outgoing) -> Headers:
        """What a finished request gets from a credential."""
        return credential.headers(outgoing, now=self._around.clock.wall())

    def reveals(self, text: str, deployment: Deployment) -> bool:
        """True when `text` holds a credential of the deployment, or half of one."""
        known = self._renewals.get(deployment.name)
        credentials = known[1].known if known is not None else ()
        return any(_holds_half(text, s) for c in credentials for s in c.secrets)

    async def close(self) -> None:
        """Ends what is being asked."""
        renewals, self._renewals = self._renewals, {}
        for _, renewal in renewals.values():
            await renewal.close()

    def _renewal(self, deployment: Deployment) -> Renewal:
        known = self._renewals.get(deployment.name)
        if known is None or known[0] is not deployment:
            fetch = _fetch(deployment, Asker(self._ask, deployment), self._around)
            around = self._around
            renewal = Renewal(
                fetch, deployment=deployment.name, clock=around.clock, random=around.random
            )
            known = self._renewals[deployment.name] = (deployment, renewal)
        return known[1]


def _fetch(deployment: Deployment, asker: Asker, around: Surroundings) -> Fetch:
    # Imported where used: a deployment is one vendor's.
    match deployment.credentials:
        case AwsCredentials() as aws:
            from aihandler.backends.credentials.aws import aws_fetch

            return aws_fetch(aws, asker, environ=around.environ, clock=around.clock)
        case GoogleCredentials() as google:
            from aihandler.backends.credentials.google import google_fetch

            return google_fetch(google, asker, environ=around.environ, clock=around.clock)
        case AzureCredentials() as azure:
            from aihandler.backends.credentials.azure import azure_fetch

            return azure_fetch(azure, asker, around)
    raise asker.rejected("has no `credentials`")


def _holds_half(text: str, secret: str) -> bool:
    half = len(secret) // 2
    return bool(half) and (secret[:half] in text or secret[half:] in text)
