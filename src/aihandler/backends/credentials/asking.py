"""Asks for credentials on behalf of one deployment, and puts what goes wrong into words."""

import datetime
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from aihandler.backends.http.tokens import MetadataService, TokenAnswer, TokenAsk
from aihandler.domain.deployment import Deployment
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, ConfigError

METADATA_S = 2.0
ENDPOINT_S = 10.0
# A token that does not say how long it holds.
UNSAID_S = 300.0
MAX_FILE_BYTES = 256 * 1024
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{1,63}\Z")
_XML_CODE = re.compile(rb"<Code>([^<]{1,64})</Code>")
_HINT = "check `credentials` of the deployment; `aihandler doctor` tries them"
_MACHINE_HINT = (
    "nothing else is set up, so the machine was asked; elsewhere than in this vendor's cloud, "
    "name a profile, a file or a client in `credentials`, or in the vendor's variables"
)


class AskForToken(Protocol):
    """The transport's narrow way to token endpoints and metadata services."""

    async def __call__(
        self, ask: TokenAsk, deployment: Deployment, *, within_s: float
    ) -> TokenAnswer:
        """Asks once."""
        ...


class Asker:
    """What a credential source asks with. Its errors name the deployment and never a secret."""

    def __init__(self, ask: AskForToken, deployment: Deployment) -> None:
        self._ask = ask
        self._deployment = deployment

    async def ask(self, ask: TokenAsk) -> TokenAnswer:
        """The answer, if it is one of success. Asks twice when an endpoint cannot be reached."""
        answer = await self._answer(ask)
        if answer.status == 200:
            return answer
        code = _code(answer.body)
        # A server may put anything there, also what it was sent.
        shown = f", {code}" if code and code.encode() not in ask.body else ""
        what = f"has no credentials: {_named(ask)} refused them (HTTP {answer.status}{shown})"
        if answer.status in {408, 429} or answer.status >= 500:
            raise self.unavailable(what)
        raise self.rejected(what)

    async def json(self, ask: TokenAsk) -> Mapping[str, Any]:
        """The same, as an object of JSON."""
        answer = await self.ask(ask)
        found = read_object(answer.body)
        if found is None:
            raise self.unavailable(f"has no credentials: {_named(ask)} answered with no JSON")
        return found

    async def _answer(self, ask: TokenAsk) -> TokenAnswer:
        if isinstance(ask.where, MetadataService):
            return await self._once(ask, METADATA_S, hint=_MACHINE_HINT)
        try:
            return await self._once(ask, ENDPOINT_S)
        except BackendUnavailable:
            return await self._once(ask, ENDPOINT_S)

    async def _once(self, ask: TokenAsk, within_s: float, *, hint: str = _HINT) -> TokenAnswer:
        try:
            return await self._ask(ask, self._deployment, within_s=within_s)
        except BackendError as error:
            name = self._deployment.name
            why = error.message.removeprefix(f"deployment {name!r}").strip(" :")
            why = why.partition(": ")[2] or why
            raise type(error)(
                f"deployment {name!r} has no credentials: {_named(ask)} could not be asked: {why}",
                deployment=name,
                hint=hint,
            ) from error

    def of(self, found: Mapping[str, Any], key: str, *, where: str) -> str:
        """A text that an answer or a file must have."""
        value = found.get(key)
        if not isinstance(value, str) or not value:
            raise self.rejected(f"has no credentials: {where} lacks {key!r}")
        return value

    def file(self, path: str | Path, what: str) -> str:
        """The text of a file that holds a part of the credentials."""
        try:
            with Path(path).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise self.rejected(f"has no credentials: {what} {str(path)!r} is too large")
            return content.decode()
        except OSError as error:
            why = error.strerror or "unreadable"
            raise self.rejected(
                f"has no credentials: {what} {str(path)!r} cannot be read: {why}"
            ) from None
        except UnicodeDecodeError:
            raise self.rejected(f"has no credentials: {what} {str(path)!r} is not text") from None

    def rejected(self, what: str, *, hint: str = _HINT) -> BackendRejected:
        """An error that asking again does not mend."""
        name = self._deployment.name
        return BackendRejected(f"deployment {name!r} {what}", deployment=name, hint=hint)

    def unavailable(self, what: str) -> BackendUnavailable:
        """An error that may pass."""
        name = self._deployment.name
        return BackendUnavailable(f"deployment {name!r} {what}", deployment=name, hint=_HINT)

    def url(self, text: str, what: str) -> tuple[str, str]:
        """Base address and the rest of a url, which may have a query."""
        base, mark, query = text.partition("?")
        scheme, _, rest = base.partition("://")
        host, slash, path = rest.partition("/")
        if scheme not in {"http", "https"} or not host or "#" in text:
            raise self.rejected(f"has no credentials: {what} is no http(s) address")
        return f"{scheme}://{host}", f"{slash or '/'}{path}{mark}{query}"

    @property
    def host_urls(self) -> tuple[str, ...]:
        """Where the deployment is; a region may stand in its name."""
        return self._deployment.urls


def read_object(data: bytes | str) -> Mapping[str, Any] | None:
    """An object of JSON, or None."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def number(value: Any) -> float | None:
    """A number as servers write it, also in a text."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: Any) -> float | None:
    """A time as ISO 8601 or as seconds since 1970, as seconds since 1970."""
    if (seconds := number(value)) is not None:
        return seconds
    try:
        at = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    # Without a zone it is UTC everywhere that such times are written.
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


def set_in(environ: Mapping[str, str], name: str) -> str:
    """A variable of the environment; empty and missing are the same."""
    return environ.get(name, "").strip()


def home_of(environ: Mapping[str, str]) -> Path:
    """The folder in which tools of vendors keep their files."""
    home = set_in(environ, "HOME") or set_in(environ, "USERPROFILE")
    if not home:
        raise ConfigError("HOME is not set", hint="set it, or name the file")
    return Path(home)


def _named(ask: TokenAsk) -> str:
    if isinstance(ask.where, MetadataService):
        return f"the metadata service {ask.where.address}"
    return f"{ask.where.partition('://')[2]!r}"


def _code(body: bytes) -> str:
    found = _XML_CODE.search(body)
    code = found[1].decode("ascii", "replace") if found else _json_code(read_object(body))
    return code if _CODE.match(code) else ""


def _json_code(said: Mapping[str, Any] | None) -> str:
    if said is None:
        return ""
    numbers = said.get("error_codes")
    if isinstance(numbers, list) and numbers and isinstance(numbers[0], int):
        return f"AADSTS{numbers[0]}"
    inner = said.get("error", said)
    if isinstance(inner, dict):
        inner = inner.get("status") or inner.get("code") or inner.get("Code") or ""
    return inner if isinstance(inner, str) else ""
