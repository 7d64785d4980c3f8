"""Models and deployments of the file."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from aihandler.config.credentials import build_credentials
from aihandler.config.draft import Draft, listed_texts
from aihandler.config.file import DeploymentKeys, ModelKeys, TlsKeys
from aihandler.config.places import Path
from aihandler.config.prices import build_price
from aihandler.config.words import did_you_mean
from aihandler.domain.deployment import (
    HERE,
    Deployment,
    Hosting,
    HourlyCost,
    Limits,
    Model,
    Openness,
    Secret,
    Serves,
    Timeouts,
    Tls,
)

BACKENDS = (
    "openai",
    "openai-responses",
    "anthropic",
    "bedrock",
    "completions",
    "gemini",
    "ollama",
    "vertex",
    "builtin/classify",
    "builtin/extract",
    "builtin/summarise",
)
# Those with a form for embeddings.
EMBEDDERS = ("openai", "gemini", "vertex", "ollama")
_MAX_PORT = 65_535
# Formats of one vendor have an address that need not be written.
_USUAL_URLS = {
    "ollama": "http://localhost:11434",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
_TEMPLATE_FILES = frozenset({".gguf", ".jinja", ".jinja2", ".json"})
_Target = TypeVar("_Target", bound=msgspec.Struct)


def build_models(models: Mapping[str, ModelKeys]) -> dict[str, Model]:
    """The models by name."""
    return {
        name: Model(
            name=name,
            family=m.family,
            revision=m.revision,
            licence=m.licence,
            digest=m.digest,
            open=Openness(m.open.weights, m.open.data, m.open.code),
        )
        for name, m in models.items()
    }


def build_deployment(
    name: str, keys: DeploymentKeys, *, models: Mapping[str, Model], draft: Draft
) -> Deployment:
    """One deployment; what is wrong with it is noted in the draft."""
    path: Path = ("deployments", name)
    for task in keys.quality:
        draft.must_exist("tasks", task, (*path, "quality", task))
    if keys.backend.startswith("builtin/"):
        where = _here(keys, path, draft)
    else:
        where = _there(keys, path, draft)
    model = keys.model or keys.backend.removeprefix("builtin/")
    price, listed_as = build_price(keys.price, (*path, "price"), draft)
    return Deployment(
        name=name,
        backend=keys.backend,
        model=models.get(model, Model(model)),
        hosting=where.hosting,
        region=where.region,
        urls=where.urls,
        key=where.key,
        credentials=build_credentials(keys, (*path, "credentials"), draft),
        provider=keys.provider,
        profile=keys.profile,
        price=price,
        listed_as=listed_as,
        hourly_cost=_copied(keys.cost, HourlyCost),
        limits=_copied(keys.limits, Limits) or Limits(),
        timeouts=_copied(keys.timeouts, Timeouts) or Timeouts(),
        tls=_tls(keys.tls, (*path, "tls"), draft),
        agreements=frozenset(listed_texts(keys.agreements)),
        attestation=keys.attestation,
        retires=keys.retires,
        quality=keys.quality,
        chat_template=_template(keys, path, draft),
        serves=_serves(keys, path, draft),
        examples_per_label=_examples_per_label(keys, path, draft),
    )


class _Where(msgspec.Struct, frozen=True):
    hosting: Hosting
    region: str
    urls: tuple[str, ...] = ()
    key: Secret | None = None


def _here(keys: DeploymentKeys, path: Path, draft: Draft) -> _Where:
    _known_backend(keys, path, draft)
    for key in ("url", "urls", "key", "credentials", "profile"):
        if getattr(keys, key):
            draft.wrong((*path, key), f"{keys.backend} runs in this process and takes no {key!r}")
    if keys.hosting not in {None, "self"}:
        draft.wrong((*path, "hosting"), f"{keys.backend} runs in this process: it is `self`")
    if keys.region not in {"", HERE}:
        draft.wrong((*path, "region"), f"{keys.backend} runs in this process: leave `region` out")
    return _Where(Hosting.SELF, HERE)


def _there(keys: DeploymentKeys, path: Path, draft: Draft) -> _Where:
    _known_backend(keys, path, draft)
    if not keys.model:
        draft.wrong(
            path, f"{path[-1]} lacks the key 'model'", hint="the name that the server knows it by"
        )
    if keys.hosting is None:
        draft.wrong(
            path,
            f"{path[-1]} lacks the key 'hosting'",
            hint="self: your own machines; managed: a host under your contract; vendor: its maker",
        )
    return _Where(
        hosting=Hosting(keys.hosting or "vendor"),
        region=keys.region,
        urls=_urls(keys, path, draft),
        key=draft.secret(keys.key, (*path, "key")),
    )


def _known_backend(keys: DeploymentKeys, path: Path, draft: Draft) -> None:
    if keys.backend not in BACKENDS:
        hint = did_you_mean(keys.backend, BACKENDS, what="backends")
        draft.wrong((*path, "backend"), f"there is no backend {keys.backend!r}", hint=hint)


def _urls(keys: DeploymentKeys, path: Path, draft: Draft) -> tuple[str, ...]:
    if keys.url and keys.urls:
        draft.wrong((*path, "urls"), "has both 'url' and 'urls'", hint="list all under `urls`")
    if not keys.url and not keys.urls and keys.backend in _USUAL_URLS:
        return (_USUAL_URLS[keys.backend],)
    if not keys.url and not keys.urls:
        hint = 'such as url: "http://localhost:8000/v1"'
        draft.wrong(path, f"{path[-1]} lacks the key 'url'", hint=hint)
    places = [(*path, "url")] if keys.url else [(*path, "urls", n) for n in range(len(keys.urls))]
    urls = (keys.url,) if keys.url else tuple(keys.urls)
    for url, place in zip(urls, places, strict=True):
        problem = _url_problem(url)
        if problem:
            draft.wrong(place, f"the url {problem}", hint="such as http://gpu-1:8000/v1")
    return tuple(url.rstrip("/") for url in urls)


def _url_problem(url: str) -> str:
    # A url is not repeated in the message: it may hold a password.
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "cannot be read"
    if parts.scheme not in {"http", "https"}:
        return "must begin with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "must hold no user and no password; use `key`"
    if not parts.hostname or any(c.isspace() or ord(c) < 32 for c in url):
        return "names no host"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "must end with its path"
    return "has no such port" if port is not None and not 0 < port <= _MAX_PORT else ""


def _tls(keys: TlsKeys, path: Path, draft: Draft) -> Tls:
    files: dict[str, str] = {}
    for key in ("ca_file", "client_certificate", "client_key"):
        name: str = getattr(keys, key)
        files[key] = str(draft.located(name)) if name else ""
        if name:
            draft.read(name, (*path, key), what="file")
    if keys.client_key and not keys.client_certificate:
        draft.wrong((*path, "client_key"), "a client key without a client certificate")
    return Tls(**files)


def _template(keys: DeploymentKeys, path: Path, draft: Draft) -> str:
    """A shipped template's name as it stands, or where the file or folder lies."""
    name = keys.chat_template
    if name and keys.backend != "completions":
        draft.wrong(
            (*path, "chat_template"),
            f"{keys.backend} takes no chat template: the server has the model's own",
            hint="leave it out; `backend: completions` is for servers that take only prompts",
        )
    if not name or ("/" not in name and FilePath(name).suffix not in _TEMPLATE_FILES):
        return name
    if not draft.located(name).exists():
        hint = f"paths begin at {draft.root}"
        draft.wrong((*path, "chat_template"), f"there is no file or folder {name!r}", hint=hint)
    return str(draft.located(name))


def _serves(keys: DeploymentKeys, path: Path, draft: Draft) -> Serves:
    if keys.serves == "embeddings" and keys.backend not in EMBEDDERS:
        hint = f"backends that make vectors: {', '.join(EMBEDDERS)}"
        draft.wrong((*path, "serves"), f"{keys.backend} makes no vectors", hint=hint)
    return keys.serves


def _examples_per_label(keys: DeploymentKeys, path: Path, draft: Draft) -> int | None:
    if keys.examples_per_label is not None and keys.backend != "builtin/classify":
        draft.wrong(
            (*path, "examples_per_label"),
            f"{keys.backend} does not learn from examples",
            hint="leave it out; it is for `backend: builtin/classify`",
        )
    return keys.examples_per_label


def _copied(keys: msgspec.Struct | None, target: type[_Target]) -> _Target | None:
    # The keys of the file and the fields of the domain have the same names.
    return None if keys is None else target(**msgspec.structs.asdict(keys))
