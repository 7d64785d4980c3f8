"""Where a deployment's url points: one strict parser, so that no two parts read it differently."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import msgspec

from aihandler.errors import ConfigError

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
)
# The last label of a name is never a number: `127.1`, `0x7f000001` and `2130706433` are addresses
# to some resolvers and names to others.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")
_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*\Z")


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host, port and path of one replica. `literal`: the url itself names an address."""

    scheme: str
    host: str
    port: int
    path: str
    literal: bool

    @property
    def secure(self) -> bool:
        """True for https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_origin(url: str) -> Origin:
    """Reads `http(s)://host[:port][/path]`; anything else in a url is a ConfigError."""
    problem = _problem(url)
    if problem:
        raise ConfigError(
            f"url {_shown(url)!r} {problem}", hint="write it as http(s)://host[:port][/path]"
        )
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    literal = _is_address(host) or host == "localhost"
    return Origin(parts.scheme, host, port, parts.path.rstrip("/"), literal)


def _problem(url: str) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "has a character that does not belong in a url"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "has no readable host and port"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with http:// or https://"
    if parts.username is not None or parts.password is not None:
        return "carries a user name; keys belong in `key`"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "has a query or a fragment"
    if port == 0 or not _PATH.match(parts.path) or "/../" in f"{parts.path}/":
        return "has a port or a path that cannot be used"
    return _host_problem(parts)


def _host_problem(parts: SplitResult) -> str | None:
    host = (parts.hostname or "").rstrip(".")
    if _is_address(host):
        return None
    if not _NAME.fullmatch(host) or _NUMBER.match(host.rsplit(".", 1)[-1]):
        return "has a host that is neither a name nor a plain address"
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _shown(url: str) -> str:
    # What stands before an @ may be a password, and a query may hold a key.
    return re.sub(r"//[^/]*@", "//...@", url).partition("?")[0]
