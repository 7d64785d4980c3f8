"""Who asks, and what they may: decided before a byte of the request's body is read."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from aihandler.domain.api_key import LOOKING_ROUTES, ApiKey, Switch
from aihandler.domain.budget import Budget
from aihandler.domain.ports import Clock
from aihandler.domain.rules import Key
from aihandler.errors import Overloaded, Refused, Unauthenticated
from aihandler.gateway.rates import Rate
from aihandler.ledger.keys import StoredKey, prefix_of, token_digest

_SEEN_KEPT = 1024
_HINT = (
    "send `Authorization: Bearer ahk_...` or `x-api-key`; `aihandler keys create NAME` makes one"
)
# Nobody knows when it is on again: often enough, and not all at once.
_AGAIN_S = 5.0


_LOOKS_A_REQUEST = 10
_LEAST_LOOKS = 60
# An address of this machine, with or without a port.
_HERE = re.compile(
    r"(([\w-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.ASCII | re.IGNORECASE
)


class SwitchedOff(Overloaded):
    """Somebody has switched this off; it may be on again later."""

    code = "switched_off"


class Asker(msgspec.Struct, frozen=True):
    """Whoever sent a request. `key` bounds the class of the data; `api_key` says the rest. `rates`
    bound what asks a model, `looks` what does not.

    `holds` raises Unauthenticated once the key has ended.
    """

    name: str
    key: Key | None = None
    api_key: ApiKey | None = None
    rates: tuple[Rate, ...] = ()
    tags: Mapping[str, str] = {}
    budgets: tuple[Budget, ...] = ()
    holds: Callable[[], None] = lambda: None
    looks: tuple[Rate, ...] = ()

    def require(self, task: str, deployments: Iterable[str]) -> None:
        """Raises Refused unless this task may be asked of one of these deployments."""
        key = self.api_key
        if key is None:
            return
        if key.tasks is not None and task not in key.tasks:
            raise self._refused(f"may not ask {task!r}")
        if key.deployments is not None and not set(deployments) & set(key.deployments):
            raise self._refused(f"may use no deployment of {task!r}")

    def may(self, task: str, deployments: Iterable[str]) -> bool:
        """Whether `require` lets it pass."""
        try:
            self.require(task, deployments)
        except Refused:
            return False
        return True

    def require_route(self, path: str) -> None:
        """Raises Refused unless this address may be asked."""
        key = self.api_key
        if key is None:
            return
        if key.routes is not None:
            if path not in key.routes:
                raise self._refused(f"may not ask {path!r}")
        elif key.role == "auditor" and path not in LOOKING_ROUTES:
            # Who only looks should not spend by mistake.
            raise Refused(
                f"key {self.name!r} is an auditor's and may not ask {path!r}",
                hint="`aihandler keys create NAME --role auditor --route ROUTE` makes one that may",
            )

    def _refused(self, what: str) -> Refused:
        return Refused(f"key {self.name!r} {what}", hint="ask for a key with that right")


class Admission(Protocol):
    """Decides who may come in."""

    def admit(self, headers: Mapping[str, str]) -> Asker:
        """Raises Unauthenticated, SwitchedOff."""
        ...


class Everyone:
    """Lets everyone of this machine in: for `--insecure-local`, on its own address alone."""

    def __init__(self) -> None:
        self._asker = Asker("everyone")

    def admit(self, headers: Mapping[str, str]) -> Asker:
        """Nobody in particular. Raises Refused for what a browser sends for somebody's page."""
        host, origin = headers.get("host"), headers.get("origin")
        if (
            # A name of theirs may resolve to this machine.
            (host is None or _HERE.fullmatch(host))
            and (origin is None or _HERE.fullmatch(origin.partition("://")[2]))
            and headers.get("sec-fetch-site") != "cross-site"
        ):
            return self._asker
        raise Refused(
            "--insecure-local answers programs of this machine, and this came from the page of "
            "another site or asked for another host (at headers `Host`, `Origin`)",
            hint="ask http://localhost, or serve with a key: `aihandler keys create NAME`",
        )


class KeyRing:
    """Lets in who holds a key. `renew` brings what has changed in the store."""

    def __init__(self, pepper: bytes, *, clock: Clock) -> None:
        self._pepper = pepper
        self._clock = clock
        self._keys: dict[str, StoredKey] = {}
        self._askers: dict[str, Asker] = {}
        self._ends: dict[str, float] = {}
        # What a token's digest is changes never; whether that opens anything is asked each time.
        self._own = hashlib.blake2b(b"shown before", key=pepper[:64], digest_size=32).digest()
        self._seen: dict[bytes, tuple[str, bytes]] = {}

    def renew(self, stored: Iterable[StoredKey]) -> None:
        """Takes the keys as they are now."""
        before, askers = self._keys, self._askers
        self._keys = {one.key.prefix: one for one in stored}
        self._ends = {prefix: one.key.ends_at for prefix, one in self._keys.items()}
        self._askers = {
            prefix: askers[prefix]
            if before.get(prefix) is one
            else _asker(one.key, partial(self._require, prefix))
            for prefix, one in self._keys.items()
        }

    def admit(self, headers: Mapping[str, str]) -> Asker:
        """The holder of the key. What is wrong with a key is told to its holder alone."""
        token = _token(headers)
        if not token:
            raise Unauthenticated("no key was sent", hint=_HINT)
        # A name under which nobody finds the token in this memory.
        name = hashlib.blake2b(self._own + token.encode(), digest_size=32).digest()
        prefix, digest = self._seen.get(name, ("", b""))
        stored = self._keys.get(prefix or prefix_of(token))
        # The same work for a prefix that nobody has, so that time tells nothing; who comes again
        # with a right token has shown it before.
        digest = digest or token_digest(self._pepper, token)
        right = hmac.compare_digest((stored or _NOBODY).digest, digest)
        if stored is None or not right:
            raise _unknown()
        if not prefix:
            prefix = self._remember(name, prefix_of(token), digest)
        self._require(prefix)
        return self._askers[prefix]

    def _remember(self, name: bytes, prefix: str, digest: bytes) -> str:
        if len(self._seen) >= _SEEN_KEPT:
            self._seen.clear()
        self._seen[name] = prefix, digest
        return prefix

    def _require(self, prefix: str) -> None:
        ends_at, now = self._ends.get(prefix), self._clock.wall()
        if ends_at is None:
            raise _unknown()
        if ends_at <= now:
            key = self._keys[prefix].key
            raise Unauthenticated(f"key {key.name!r} {key.why_not(now)}", hint=_HINT)


class Switches:
    """What is switched off, by kind."""

    def __init__(self) -> None:
        self._off: dict[tuple[str, str], Switch] = {}
        # Mostly nothing is, and each request asks ten times.
        self.any = False

    def renew(self, switches: Iterable[Switch]) -> None:
        """Takes what is off now."""
        self._off = {(switch.kind, switch.name): switch for switch in switches}
        self.any = bool(self._off)

    def require(self, kind: str, name: str = "") -> None:
        """Raises SwitchedOff."""
        if (kind, name) in self._off:
            reason = self._off[kind, name].reason
            what = f"{kind} {name!r} is" if name else "everything is"
            raise SwitchedOff(
                f"{what} switched off: {reason}",
                hint="`aihandler revive` ends it",
                retry_after_s=_AGAIN_S,
            )

    def of(self, kind: str) -> Mapping[str, str]:
        """Names of one kind that are off, each with the reason."""
        return {name: switch.reason for (k, name), switch in self._off.items() if k == kind}


_NOBODY = StoredKey(ApiKey(id="", prefix="", name=""), b"\0" * 32)


def _token(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key", "").strip()


def _unknown() -> Unauthenticated:
    return Unauthenticated("this key is not known", hint=_HINT)


def _asker(key: ApiKey, holds: Callable[[], None] = lambda: None) -> Asker:
    tags = {name: value for name in ("user", "team", "project") if (value := getattr(key, name))}
    policy_key = Key(key.name, key.ceiling, key.floor, key.tenant)
    rates: tuple[Rate, ...] = ()
    if key.requests_per_minute is not None or key.tokens_per_minute is not None:
        rates = (Rate(f"key:{key.name}", key.requests_per_minute, key.tokens_per_minute),)
    return Asker(
        key.name,
        policy_key,
        key,
        rates,
        looks=_looks(key),
        tags={**tags, "key": key.name},
        budgets=key.budgets,
        holds=holds,
    )


def _looks(key: ApiKey) -> tuple[Rate, ...]:
    if key.requests_per_minute is None:
        return ()
    # Each answer may be looked up, some of them more than once.
    looks = max(_LEAST_LOOKS, _LOOKS_A_REQUEST * key.requests_per_minute)
    return (Rate(f"looks of key:{key.name}", looks),)
