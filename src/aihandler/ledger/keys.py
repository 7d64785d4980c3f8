"""Keys of clients, and what is switched off: small tables that a gateway looks at each second."""

import base64
import hashlib
import hmac
import sqlite3
from collections.abc import Callable

import msgspec

from aihandler.domain.api_key import ApiKey, Switch, SwitchKind
from aihandler.errors import InputError
from aihandler.ledger import audit
from aihandler.ledger.store import transaction

# Names our keys wherever one is found by mistake: in a log, a repository, a message.
MARK = "ahk"
_SECRET_BYTES = 32
_PREFIX_BYTES = 5

_INSERT = """
INSERT INTO api_key (id, prefix, digest, body, created_at, expires_at, revoked_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ALL = "SELECT id, prefix, digest, body, created_at, expires_at, revoked_at FROM api_key"
_EXPIRE = "UPDATE api_key SET expires_at = ? WHERE id = ?"
_REVOKE = "UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
_SWITCH_OFF = """
INSERT INTO switch (kind, name, reason, by, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, name) DO UPDATE SET reason = excluded.reason, by = excluded.by, at = excluded.at
"""
_SWITCH_ON = "DELETE FROM switch WHERE kind = ? AND name = ?"
_SWITCHES = "SELECT kind, name, reason, by, at FROM switch"

Entropy = Callable[[int], bytes]
_body = msgspec.json.Encoder().encode


class StoredKey(msgspec.Struct, frozen=True):
    """A key and the HMAC of its secret."""

    key: ApiKey
    digest: bytes


def new_token(entropy: Entropy) -> tuple[str, str]:
    """A token of 256 random bits, and its prefix."""
    prefix = base64.b32encode(entropy(_PREFIX_BYTES)).decode().lower()
    secret = base64.urlsafe_b64encode(entropy(_SECRET_BYTES)).decode().rstrip("=")
    return f"{MARK}_{prefix}_{secret}", prefix


def prefix_of(token: str) -> str:
    """The prefix that a token states; empty when it is none of ours."""
    mark, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    return prefix if mark == MARK and secret else ""


def token_digest(pepper: bytes, token: str) -> bytes:
    """What is stored of a token. Without the pepper, which lies elsewhere, it is of no use."""
    return hmac.digest(pepper, token.encode(), hashlib.sha256)


def create(ledger: sqlite3.Connection, key: ApiKey, *, pepper: bytes, token: str, who: str) -> None:
    """Stores a new key. Raises InputError when a key of this name is in force."""
    same = [k for k in list_keys(ledger) if k.name == key.name and not k.why_not(key.created_at)]
    if same:
        raise InputError(
            f"there is a key {key.name!r} already", hint="rotate that one, or choose another name"
        )
    with transaction(ledger):
        _insert(ledger, key, token_digest(pepper, token))
        audit.append(ledger, "create key", _told(key), who=who, wall=key.created_at)


def list_keys(ledger: sqlite3.Connection) -> list[ApiKey]:
    """All keys, the oldest first; also those that open nothing any more."""
    return [stored.key for stored in stored_keys(ledger)]


def stored_keys(ledger: sqlite3.Connection) -> list[StoredKey]:
    """All keys with what is compared."""
    found = []
    for key_id, prefix, digest, body, created_at, expires_at, revoked_at in ledger.execute(_ALL):
        fields = msgspec.json.decode(body)
        key = msgspec.convert(
            {
                **fields,
                "id": key_id,
                "prefix": prefix,
                "created_at": created_at,
                "expires_at": expires_at,
                "revoked_at": revoked_at,
            },
            ApiKey,
        )
        found.append(StoredKey(key, bytes(digest)))
    return sorted(found, key=lambda stored: stored.key.created_at)


def rotate(
    ledger: sqlite3.Connection,
    name: str,
    *,
    new: tuple[str, str],
    pepper: bytes,
    overlap_s: float,
    who: str,
    wall: float,
) -> ApiKey:
    """A new secret (`new`: token and prefix) with the rights of the old, which opens for
    `overlap_s` more. Raises InputError."""
    old = key_named(ledger, name, wall)
    token, prefix = new
    key = msgspec.structs.replace(
        old, id=prefix, prefix=prefix, created_at=wall, expires_at=old.expires_at
    )
    ends = wall + overlap_s
    with transaction(ledger):
        if old.expires_at is None or old.expires_at > ends:
            ledger.execute(_EXPIRE, (ends, old.id))
        _insert(ledger, key, token_digest(pepper, token))
        told = {**_told(key), "old": old.prefix, "old_expires_at": ends}
        audit.append(ledger, "rotate key", told, who=who, wall=wall)
    return key


def revoke(ledger: sqlite3.Connection, name: str, *, who: str, wall: float) -> ApiKey:
    """Ends every key of this name at once. Raises InputError."""
    key = key_named(ledger, name, wall)
    with transaction(ledger):
        for one in list_keys(ledger):
            if one.name == key.name:
                ledger.execute(_REVOKE, (wall, one.id))
        audit.append(ledger, "revoke key", _told(key), who=who, wall=wall)
    return key


def key_named(ledger: sqlite3.Connection, name: str, wall: float) -> ApiKey:
    """The newest key in force of this name or prefix. Raises InputError."""
    known = [key for key in list_keys(ledger) if not key.why_not(wall)]
    for key in reversed(known):
        if name in {key.name, key.prefix}:
            return key
    names = ", ".join(sorted({key.name for key in known})) or "none"
    raise InputError(f"there is no key {name!r}", hint=f"keys in force are {names}")


def switch_off(ledger: sqlite3.Connection, switch: Switch) -> None:
    """Switches something off; once more only changes the reason."""
    with transaction(ledger):
        row = (switch.kind, switch.name, switch.reason, switch.by, switch.at)
        ledger.execute(_SWITCH_OFF, row)
        told = {"kind": switch.kind, "name": switch.name, "reason": switch.reason}
        audit.append(ledger, "kill", told, who=switch.by, wall=switch.at)


def switch_on(
    ledger: sqlite3.Connection, kind: SwitchKind, name: str, *, who: str, wall: float
) -> bool:
    """Switches it on again; False when it was not off."""
    with transaction(ledger):
        changed = ledger.execute(_SWITCH_ON, (kind, name)).rowcount > 0
        if changed:
            audit.append(ledger, "revive", {"kind": kind, "name": name}, who=who, wall=wall)
    return changed


def switches(ledger: sqlite3.Connection) -> list[Switch]:
    """All that is switched off."""
    return [Switch(*row) for row in ledger.execute(_SWITCHES)]


def _insert(ledger: sqlite3.Connection, key: ApiKey, digest: bytes) -> None:
    fields = msgspec.to_builtins(key)
    for column in ("id", "prefix", "created_at", "expires_at", "revoked_at"):
        del fields[column]
    body = _body(fields).decode()
    row = (key.id, key.prefix, digest, body, key.created_at, key.expires_at, key.revoked_at)
    ledger.execute(_INSERT, row)


def _told(key: ApiKey) -> dict[str, object]:
    """What the audit says of a key: never its secret."""
    fields = msgspec.to_builtins(key)
    return {name: value for name, value in fields.items() if value not in (None, "", 0.0)}
