"""Which server answers at a deployment, told without asking for an answer."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.discovery import recognise
from aihandler.backends.probing.session import Get
from aihandler.backends.transport import Transport
from aihandler.domain.deployment import Deployment, Hosting
from aihandler.domain.keys import digest_text
from aihandler.domain.probes import ServerVersion
from aihandler.domain.task import Json
from aihandler.errors import BackendError

# Fields of a server's list of models that say which weights it runs, and how. Not `created`: some
# servers put the time of the question there.
_TELLING = ("root", "max_model_len", "digest", "meta", "quantization", "owned_by")
_LISTED_MOST = 400


def getter(transport: Transport, deployment: Deployment, *, timeout_s: float) -> Get:
    """GETs JSON of a deployment. Paths that begin with `~` are those of its server, and are asked
    only where that is ours: a vendor has no use for them.
    """
    root = _at_root(deployment)

    async def get(path: str) -> Json:
        ours = path.startswith("~")
        if ours and deployment.hosting is not Hosting.SELF:
            return None
        try:
            response = await transport.inspect(
                root if ours else deployment,
                path=path.removeprefix("~"),
                prefix="" if ours else "/v1",
                timeout_s=timeout_s,
            )
            body = await response.read()
        except BackendError:
            return None
        return _decode(body) if response.status == 200 else None

    return get


async def server_version(get: Get, deployment: Deployment) -> ServerVersion:
    """Name and version where the server has some, and what its list of models says of the model."""
    details = _details(await get("/models"), deployment.model.name)
    if deployment.hosting is not Hosting.SELF:
        return ServerVersion(details=details)

    async def at_root(path: str) -> Any:
        return await get(f"~{path}")

    known = await recognise(at_root)
    if known is None:
        return ServerVersion(details=details)
    name, kind, version = known
    return ServerVersion(name, version, kind, details)


def _at_root(deployment: Deployment) -> Deployment:
    roots = tuple(re.sub(r"^(https?://[^/]+).*$", r"\1", url) for url in deployment.urls)
    return msgspec.structs.replace(deployment, urls=roots)


def _details(listing: Json, model: str) -> str:
    """A digest: what is compared is whether anything has become different."""
    rows = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(rows, list) or len(rows) > _LISTED_MOST:
        return ""
    named = [row for row in rows if isinstance(row, dict) and row.get("id") == model]
    telling = [_kept(row) for row in named]
    return digest_text("server", telling)[:12] if any(telling) else ""


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in _TELLING if key in row}


def _decode(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
