"""Finds model servers on this machine. Ports say nothing: a server is known by what it answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from aihandler.backends.transport import Transport
from aihandler.domain.deployment import Secret
from aihandler.errors import BackendError, ConfigError

# Where `init` looks; each of these ports is the usual one of several servers.
USUAL_ADDRESSES = tuple(
    f"http://127.0.0.1:{port}" for port in (11434, 8000, 8080, 1234, 30000, 4000, 5000, 8081)
)


class FoundServer(msgspec.Struct, frozen=True):
    """A server that answers. `kind` is the name of its profile; "" when it told no models.

    `relay` says how it forwards to somebody else's machines ("" when nothing shows that):
    such a server is no `self`, wherever it runs. `relayed` are the models that it forwards.
    """

    name: str
    kind: str
    url: str
    models: tuple[str, ...] = ()
    version: str = ""
    relay: str = ""
    relayed: tuple[str, ...] = ()


async def discover(
    transport: Transport, addresses: Iterable[str] = USUAL_ADDRESSES, *, timeout_s: float = 1.0
) -> list[FoundServer]:
    """Looks at all addresses at once; those where nothing answers are left out."""
    looks = [_look(transport, address, timeout_s=timeout_s) for address in addresses]
    return [found for found in await asyncio.gather(*looks) if found is not None]


async def probe_models(
    transport: Transport, url: str, *, timeout_s: float = 2.0, key: Secret | None = None
) -> tuple[str, ...]:
    """The models that an OpenAI-like server of this machine lists.

    Raises BackendError when there is none, or when it wants a key.
    """
    response = await transport.probe(url, path="/v1/models", timeout_s=timeout_s, key=key)
    body = await response.read()
    if response.status != 200:
        raise BackendError(
            f"{url!r} answered {response.status} when asked for its models",
            deployment=url,
            status=response.status,
            hint="give the key that it wants" if response.status in {401, 403} else "",
        )
    return _ids(_decode(body))


async def recognise(get: Callable[[str], Awaitable[Any]]) -> tuple[str, str, str] | None:
    """Name, kind and version of a server by the answers that only it gives; None of others.

    `get` asks for a path as JSON, and gives None where there is none.
    """
    for sign in _SIGNS:
        answer = await get(sign.path)
        if isinstance(answer, dict) and sign.matches(answer):
            return sign.name, sign.kind, sign.version(answer)
    return None


async def _look(transport: Transport, url: str, *, timeout_s: float) -> FoundServer | None:
    asker = _Asker(transport, url, timeout_s=timeout_s)
    listing = await asker.get("/v1/models")
    if asker.silent:
        return None
    known = await recognise(asker.get)
    if known is not None:
        name, kind, version = known
        found = FoundServer(name, kind, url, _ids(listing), version)
        return await _with_relay(asker, found, listing)
    if listing is None:
        return None
    name, kind = _by_owner(listing)
    return await _with_relay(asker, FoundServer(name, kind, url, _ids(listing)), listing)


class _Asker:
    """GETs JSON from one server; None for everything that is not JSON with a status of 200."""

    def __init__(self, transport: Transport, url: str, *, timeout_s: float) -> None:
        self.silent = False
        self._transport = transport
        self._url = url
        self._timeout_s = timeout_s

    async def get(self, path: str) -> Any:
        try:
            response = await self._transport.probe(self._url, path=path, timeout_s=self._timeout_s)
            body = await response.read()
        except (BackendError, ConfigError) as error:
            # A server that answers in any way has a status; silence has none.
            self.silent = path == "/v1/models" and getattr(error, "status", None) is None
            return None
        return _decode(body) if response.status == 200 else None


class _Sign(msgspec.Struct, frozen=True):
    """One server, and the answer that only it gives."""

    name: str
    kind: str
    path: str
    matches: Callable[[Mapping[str, Any]], bool]
    version: Callable[[Mapping[str, Any]], str]


def _at(*path: str) -> Callable[[Mapping[str, Any]], str]:
    def read(answer: Mapping[str, Any]) -> str:
        value: Any = answer
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    return read


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda answer: all(name in answer for name in names)


def _title_has(title: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda answer: title in _at("info", "title")(answer).lower()


# In this order: vLLM's /version is the least telling and LiteLLM's routes hide behind others.
_SIGNS: Sequence[_Sign] = (
    _Sign("Ollama", "ollama", "/api/version", _has("version"), _at("version")),
    _Sign("LM Studio", "lm-studio", "/api/v1/models", _has("models"), _at("version")),
    _Sign("LM Studio", "lm-studio", "/api/v0/models", _has("data"), _at("version")),
    _Sign(
        "llama.cpp",
        "llama-cpp",
        "/props",
        _has("default_generation_settings"),
        _at("build_info"),
    ),
    _Sign("SGLang", "sglang", "/get_model_info", _has("model_path"), _at("version")),
    _Sign(
        "LiteLLM", "generic", "/health/readiness", _has("litellm_version"), _at("litellm_version")
    ),
    _Sign("TGI", "tgi", "/info", _has("model_id", "max_total_tokens"), _at("version")),
    _Sign(
        "llama-cpp-python",
        "llama-cpp-python",
        "/openapi.json",
        _title_has("llama.cpp python api"),
        _at("info", "version"),
    ),
    _Sign("LiteLLM", "generic", "/openapi.json", _title_has("litellm"), _at("info", "version")),
    _Sign(
        "transformers serve",
        "transformers-serve",
        "/openapi.json",
        lambda answer: _has("/load_model", "/reset")(answer.get("paths") or {}),
        _at("info", "version"),
    ),
    _Sign("vLLM", "vllm", "/version", _has("version"), _at("version")),
)


def _by_owner(listing: Any) -> tuple[str, str]:
    owners = {str(row.get("owned_by", "")).lower() for row in _rows(listing)}
    if owners == {"vllm"}:
        return "vLLM", "vllm"
    if owners == {"sglang"}:
        return "SGLang", "sglang"
    return "OpenAI-like server", "generic"


# Owners that local servers do not name for weights of their own.
_VENDORS = frozenset(
    {"openai", "system", "openai-internal", "anthropic", "google", "openrouter", "bedrock", "azure"}
)


async def _with_relay(asker: _Asker, found: FoundServer, listing: Any) -> FoundServer:
    relay = ""
    relayed: tuple[str, ...] = ()
    if found.name == "LiteLLM":
        relay, relayed = "is a LiteLLM proxy, which forwards to other servers", found.models
    elif found.name == "Ollama":
        relayed = _cloud_models(await asker.get("/api/tags"))
        relay = "forwards these models to a cloud" if relayed else ""
    else:
        relayed = tuple(
            str(row.get("id", ""))
            for row in _rows(listing)
            if str(row.get("owned_by", "")).lower() in _VENDORS
        )
        relay = "lists models that a vendor owns" if relayed else ""
    return msgspec.structs.replace(found, relay=relay, relayed=relayed)


def _cloud_models(tags: Any) -> tuple[str, ...]:
    models = tags.get("models") if isinstance(tags, dict) else None
    cloud = []
    for model in _dicts(models):
        name = str(model.get("name", ""))
        if model.get("remote_host") or model.get("remote_model") or _is_cloud_name(name):
            cloud.append(name)
    return tuple(cloud)


def _is_cloud_name(name: str) -> bool:
    tag = name.rpartition(":")[2] if ":" in name else ""
    return tag == "cloud" or tag.endswith("-cloud")


def _ids(listing: Any) -> tuple[str, ...]:
    return tuple(str(row["id"]) for row in _rows(listing) if row.get("id"))


def _rows(listing: Any) -> list[dict[str, Any]]:
    rows = listing.get("data") if isinstance(listing, dict) else None
    return _dicts(rows)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
