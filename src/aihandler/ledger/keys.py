"""Keys of clients, and what is switched off: small tables that a gateway looks at each second."""

import base64
import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Mapping

import msgspec

from aihandler.domain.api_key import ApiKey, Switch, SwitchKind
from aihandler.domain.task import Json
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
_ALL = """
SELECT id, prefix, digest, body, created_at, expires_at, revoked_at FROM api_key ORDER BY created_at
"""
_NAMED = """
SELECT id, prefix, digest, body, created_at, expires_at, revoked_at FROM api_key
WHERE json_extract(body, '$.name') = ? ORDER BY created_at
"""
_NAME_OF = "SELECT json_extract(body, '$.name') FROM api_key WHERE prefix = ?"
_EXPIRE = "UPDATE api_key SET expires_at = ? WHERE id = ?"
_REVOKE = """
UPDATE api_key SET revoked_at = ? WHERE json_extract(body, '$.name') = ? AND revoked_at IS NULL
"""
_SWITCH_OFF = """
INSERT INTO switch (kind, name, reason, by, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, name) DO UPDATE SET reason = excluded.reason, by = excluded.by, at = excluded.at
"""
_SWITCH_ON = "DELETE FROM switch WHERE kind = ? AND name = ?"
_SWITCHES = "SELECT kind, name, reason, by, at FROM switch"

Entropy = Callable[[int], bytes]
_Row = tuple[str, str, bytes, str, float, float | None, float | None]
_body = msgspec.json.Encoder().encode
_fields = msgspec.json.Decoder(dict[str, Json]).decode
_MAX_NAME = 64


class StoredKey(msgspec.Struct, frozen=True):
    """A key and the HMAC of its secret."""

    key: ApiKey
    digest: bytes


class Ends(msgspec.Struct, frozen=True):
    """When the old secret of a rotated key ends, and the new one; None: when the old would have."""

    old_at: float
    new_at: float | None = None


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
    """Stores a new key. Raises InputError when its name was ever given to another."""
    require_sound(key)
    with transaction(ledger):
        # Calls, kept answers, budgets and switches know a key by its name.
        if before := _of_name(ledger, key.name):
            raise _given(before[-1], key.created_at)
        _insert(ledger, key, token_digest(pepper, token))
        audit.append(ledger, "create key", _told(key), who=who, wall=key.created_at)


def list_keys(ledger: sqlite3.Connection) -> list[ApiKey]:
    """All keys, the oldest first; also those that open nothing any more."""
    return [stored.key for stored in stored_keys(ledger)]


def stored_keys(
    ledger: sqlite3.Connection, *, known: Mapping[str, StoredKey] | None = None
) -> list[StoredKey]:
    """All keys with what is compared, the oldest first. Those of `known` (by prefix) that have not
    changed are these very ones."""
    known = known or {}
    return [_unchanged(known.get(row[1]), row) or _stored(row) for row in ledger.execute(_ALL)]


def rotate(
    ledger: sqlite3.Connection,
    name: str,
    *,
    new: tuple[str, str],
    pepper: bytes,
    ends: Ends,
    who: str,
    wall: float,
) -> ApiKey:
    """A new secret (`new`: token and prefix) with the rights of the old. Also of a key that was
    revoked or has expired: its holder stays the same. Raises InputError."""
    token, prefix = new
    with transaction(ledger):
        old = _newest(ledger, name)
        new_end = old.expires_at if ends.new_at is None else ends.new_at
        if new_end is not None and new_end <= wall:
            raise InputError(
                f"key {old.name!r} has expired, and so would its new secret",
                hint=f"`aihandler keys rotate {old.name} --expires 90d` gives it a new end",
            )
        key = msgspec.structs.replace(
            old, id=prefix, prefix=prefix, created_at=wall, expires_at=new_end, revoked_at=None
        )
        if old.expires_at is None or old.expires_at > ends.old_at:
            ledger.execute(_EXPIRE, (ends.old_at, old.id))
        _insert(ledger, key, token_digest(pepper, token))
        told = {**_told(key), "old": old.prefix, "old_expires_at": ends.old_at}
        audit.append(ledger, "rotate key", told, who=who, wall=wall)
    return key


def revoke(ledger: sqlite3.Connection, name: str, *, who: str, wall: float) -> ApiKey:
    """Ends every key of this name at once. Raises InputError."""
    with transaction(ledger):
        key = _newest(ledger, name)
        if not ledger.execute(_REVOKE, (wall, key.name)).rowcount:
            raise InputError(f"key {key.name!r} was revoked", hint="there is nothing left to end")
        audit.append(ledger, "revoke key", _told(key), who=who, wall=wall)
    return key


def require_sound(key: ApiKey) -> None:
    """Raises InputError where a list could not show its names, or no class would be let in."""
    said = {"": key.name, "user ": key.user, "team ": key.team}
    said |= {"project ": key.project, "tenant ": key.tenant}
    for whose, name in said.items():
        if (name or not whose) and not _is_name(name):
            raise InputError(
                f"{whose}{name!r} is no name",
                hint="1 to 64 characters of one line, without blanks at its ends, and not `*`",
            )
    if key.floor > key.ceiling:
        raise InputError(
            f"key {key.name!r} has the floor {key.floor.value!r} above the ceiling "
            f"{key.ceiling.value!r}: it could ask nothing",
            hint="lower `--floor` or raise `--ceiling`",
        )


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


def _is_name(name: str) -> bool:
    # `*` stands for every key, user or team where limits and budgets are written.
    return 0 < len(name) <= _MAX_NAME and name.isprintable() and name == name.strip() != "*"


def _given(before: ApiKey, wall: float) -> InputError:
    name, why = before.name, before.why_not(wall)
    if not why:
        return InputError(
            f"there is a key {name!r} already", hint="rotate that one, or choose another name"
        )
    return InputError(
        f"there was a key {name!r}, which {why}: its calls are known by that name",
        hint=f"`aihandler keys rotate {name}` gives its holder a new secret; anybody else needs "
        "another name",
    )


def _newest(ledger: sqlite3.Connection, name: str) -> ApiKey:
    """The newest key of this name or, where none has it, prefix; in force or not."""
    found = _of_name(ledger, name)
    if not found:
        row = ledger.execute(_NAME_OF, (name,)).fetchone()
        found = _of_name(ledger, row[0]) if row else []
    if found:
        # A clock that was put back must not hide the one that opens.
        return next((key for key in reversed(found) if key.revoked_at is None), found[-1])
    from difflib import get_close_matches

    names = {key.name for key in list_keys(ledger)}
    near = " or ".join(map(repr, get_close_matches(name, names)))
    hint = f"did you mean {near}?" if near else "`aihandler keys list` names them"
    raise InputError(f"there is no key {name!r}", hint=hint)


def _of_name(ledger: sqlite3.Connection, name: str) -> list[ApiKey]:
    return [_stored(row).key for row in ledger.execute(_NAMED, (name,))]


def _unchanged(known: StoredKey | None, row: _Row) -> StoredKey | None:
    # A row is never rewritten but for its end.
    if known is None or (known.key.expires_at, known.key.revoked_at) != row[5:]:
        return None
    return known


def _stored(row: _Row) -> StoredKey:
    key_id, prefix, digest, body, created_at, expires_at, revoked_at = row
    columns = {
        "id": key_id,
        "prefix": prefix,
        "created_at": created_at,
        "expires_at": expires_at,
        "revoked_at": revoked_at,
    }
    return StoredKey(msgspec.convert({**_fields(body), **columns}, ApiKey), bytes(digest))


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
