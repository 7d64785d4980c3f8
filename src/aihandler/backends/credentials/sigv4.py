"""AWS Signature Version 4 for requests with headers, from its published description."""

import datetime
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

import msgspec

from aihandler.backends.credentials.credential import Headers, Outgoing

_ALGORITHM = "AWS4-HMAC-SHA256"


class AwsKeys(msgspec.Struct, frozen=True):
    """A pair of keys, and the token that temporary ones need."""

    access_key: str
    secret_key: str
    session_token: str = ""
    expires_at: float | None = None
    how: str = ""

    def __repr__(self) -> str:
        return f"AwsKeys({self.how!r})"


class SigV4(msgspec.Struct, frozen=True):
    """A `Credential` that signs for one service in one region."""

    keys: AwsKeys
    region: str
    service: str

    @property
    def expires_at(self) -> float | None:
        """When the keys end."""
        return self.keys.expires_at

    @property
    def how(self) -> str:
        """Where the keys came from, and what is signed with them."""
        return f"{self.keys.how}, for {self.service} in {self.region}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret key and the token."""
        return tuple(filter(None, (self.keys.secret_key, self.keys.session_token)))

    def headers(self, outgoing: Outgoing, *, now: float) -> Headers:
        """Date, token and signature. Every header of `outgoing` is signed, and so is the host."""
        at = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        added: Headers = (("x-amz-date", at),)
        if self.keys.session_token:
            added += (("x-amz-security-token", self.keys.session_token),)
        canonical, signed_names = canonical_request(outgoing, added)
        scope = f"{at[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{at}\n{scope}\n{_hash(canonical.encode())}"
        signature = hmac.new(self._key(at[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        value = (
            f"{_ALGORITHM} Credential={self.keys.access_key}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature}"
        )
        return (*added, ("authorization", value))

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.keys.secret_key}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def canonical_request(outgoing: Outgoing, added: Headers = ()) -> tuple[str, str]:
    """The text that is hashed, and the names of the headers in it."""
    parts = urlsplit(outgoing.url)
    host = (("host", parts.netloc),)
    named = any(name.lower() == "host" for name, _ in outgoing.headers)
    values: dict[str, list[str]] = {}
    for name, value in (*(() if named else host), *outgoing.headers, *added):
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = ";".join(sorted(values))
    lines = [f"{name}:{','.join(values[name])}\n" for name in sorted(values)]
    head = f"{outgoing.method}\n{_path(parts.path)}\n{_query(parts.query)}\n"
    return f"{head}{''.join(lines)}\n{names}\n{_hash(outgoing.body)}", names


def _path(path: str) -> str:
    # A path is encoded once more than it is sent (only S3 does otherwise), so `%3A` is `%253A`.
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in {"", "."}:
            kept.append(segment)
    tail = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(kept) + tail, safe="/-_.~")


def _query(query: str) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(_pairs(query)))


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        yield quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
