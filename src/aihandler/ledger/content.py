"""Prompts, replies and answers: a file of its own beside the ledger, sealed when a key is given."""

import os
import sqlite3
from pathlib import Path
from typing import Protocol

import msgspec

from aihandler.errors import StorageError
from aihandler.ledger.store import open_beside, open_for_reading, open_for_writing, transaction

PUT_EXCHANGES = "INSERT OR REPLACE INTO exchange (entry_id, at, request, reply) VALUES (?, ?, ?, ?)"
PUT_ANSWERS = "INSERT OR REPLACE INTO answer (id, work_key, at, body) VALUES (?, ?, ?, ?)"
PUT_REVIEWS = "INSERT OR REPLACE INTO review (id, at, body) VALUES (?, ?, ?)"
PUT_EXAMPLES = "INSERT OR REPLACE INTO example (review_id, at, body) VALUES (?, ?, ?)"
# The journal counts its answers up from one; those that people decide are counted down, so that
# neither has to ask the other for a number.
_NEXT_DECIDED = "SELECT min(coalesce(min(id), 0), 0) - 1 FROM answer"
_EXCHANGE = "SELECT request, reply FROM exchange WHERE entry_id = ?"
_ANSWER = "SELECT body FROM answer WHERE id = ?"
_REVIEW = "SELECT body FROM review WHERE id = ?"
_EXAMPLE = "SELECT body FROM example WHERE review_id = ?"
_PROOF = b"aihandler content"
_NONCE_BYTES = 12


class Exchange(msgspec.Struct, frozen=True):
    """What one attempt asked and what came back; empty when it is not kept."""

    request: bytes = b""
    reply: bytes = b""


class Cipher(Protocol):
    """Seals and opens bodies. `place` names where a body belongs: it opens nowhere else."""

    name: str

    def seal(self, body: bytes, place: bytes) -> bytes:
        """The body as it lies on disk."""
        ...

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The body again. Raises StorageError."""
        ...


def content_path(ledger: Path) -> Path:
    """`ledger.sqlite` has its content in `ledger.content.sqlite`."""
    return ledger.with_name(f"{ledger.stem}.content{ledger.suffix}")


def cipher(key: bytes | None) -> Cipher:
    """AES-GCM with a key of 32 bytes, or none."""
    return _Plain() if key is None else _AesGcm(key)


class Content:
    """Reads bodies, and prepares them for writing. Only the journal's thread writes many."""

    def __init__(self, path: Path, connection: sqlite3.Connection, key: bytes | None) -> None:
        self.path = path
        self.connection = connection
        self.cipher = cipher(key)

    def exchange(self, entry_id: int) -> Exchange:
        """The request and reply of an attempt; empty when forgotten or never kept."""
        row = self.connection.execute(_EXCHANGE, (entry_id,)).fetchone()
        if row is None:
            return Exchange()
        place = entry_place(entry_id)
        return Exchange(self.cipher.open(row[0], place), self.cipher.open(row[1], place))

    def answer(self, answer_id: int, work_key: bytes) -> bytes | None:
        """The encoded Answer of accepted work; None when it was forgotten."""
        row = self.connection.execute(_ANSWER, (answer_id,)).fetchone()
        return None if row is None else self.cipher.open(row[0], work_key)

    def review(self, review_id: str) -> bytes | None:
        """What a person needs to decide."""
        return self._body(_REVIEW, review_id)

    def example(self, review_id: str) -> bytes | None:
        """A corrected example."""
        return self._body(_EXAMPLE, review_id)

    def sealed_exchange(
        self, entry_id: int, at: float, exchange: Exchange
    ) -> tuple[int, float, bytes, bytes]:
        """A row for `PUT_EXCHANGES`."""
        place, seal = entry_place(entry_id), self.cipher.seal
        return entry_id, at, seal(exchange.request, place), seal(exchange.reply, place)

    def sealed_answer(
        self, answer_id: int, at: float, work_key: bytes, answer: bytes
    ) -> tuple[int, bytes, float, bytes]:
        """A row for `PUT_ANSWERS`."""
        return answer_id, work_key, at, self.cipher.seal(answer, work_key)

    def sealed(self, name: str, at: float, body: bytes) -> tuple[str, float, bytes]:
        """A row for `PUT_REVIEWS` or `PUT_EXAMPLES`."""
        return name, at, self.cipher.seal(body, name.encode())

    def _body(self, statement: str, name: str) -> bytes | None:
        row = self.connection.execute(statement, (name,)).fetchone()
        return None if row is None else self.cipher.open(row[0], name.encode())


def write_content(path: Path, key: bytes | None, *, wall: float) -> Content:
    """Opens the content for the journal, or makes it; a key that does not fit is refused."""
    connection = open_for_writing(path, "content", wall=wall)
    return _proven(Content(path, connection, key), new=_seal_of(connection) is None)


def change_content(path: Path, key: bytes | None) -> Content:
    """Opens existing content for a short change."""
    return _proven(Content(path, open_beside(path, "content"), key), new=False)


def read_content(path: Path, key: bytes | None) -> Content:
    """Opens existing content for reading only."""
    return _proven(Content(path, open_for_reading(path, "content"), key), new=False)


def put_decided(content: Content, work_key: bytes, answer: bytes, *, wall: float) -> int:
    """Writes the answer that a person decided, and returns its id."""
    with transaction(content.connection):
        answer_id = int(content.connection.execute(_NEXT_DECIDED).fetchone()[0])
        row = content.sealed_answer(answer_id, wall, work_key, answer)
        content.connection.execute(PUT_ANSWERS, row)
    return answer_id


def entry_place(entry_id: int) -> bytes:
    """Where the bodies of an entry belong."""
    return entry_id.to_bytes(8, "big")


def _seal_of(connection: sqlite3.Connection) -> tuple[str, bytes] | None:
    row = connection.execute("SELECT cipher, proof FROM seal WHERE id = 1").fetchone()
    return None if row is None else (row[0], row[1])


def _proven(content: Content, *, new: bool) -> Content:
    try:
        if new:
            proof = content.cipher.seal(_PROOF, b"seal")
            content.connection.execute(
                "INSERT INTO seal VALUES (1, ?, ?)", (content.cipher.name, proof)
            )
        else:
            _check_seal(content)
    except BaseException:
        content.connection.close()
        raise
    return content


def _check_seal(content: Content) -> None:
    seal = _seal_of(content.connection)
    if seal is None:
        return
    name, proof = seal
    if name != content.cipher.name:
        has = "is encrypted" if name != "plain" else "is not encrypted"
        given = "no key is given" if name != "plain" else "a key is given"
        raise StorageError(
            f"the content in {str(content.path)!r} {has}, but {given}",
            hint="set ledger.encryption_key as it was then, or move that file away",
        )
    try:
        content.cipher.open(proof, b"seal")
    except StorageError as error:
        raise StorageError(
            f"the key does not open the content in {str(content.path)!r}",
            hint="set ledger.encryption_key to the key that the file was written with",
        ) from error


class _Plain:
    name = "plain"

    def seal(self, body: bytes, place: bytes) -> bytes:  # noqa: ARG002  # a cipher is asked so
        return body

    def open(self, sealed: bytes, place: bytes) -> bytes:  # noqa: ARG002  # a cipher is asked so
        return sealed


class _AesGcm:
    name = "aes-256-gcm"

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != 32:
            raise StorageError(
                f"the content key has {len(key)} bytes",
                hint="ledger.encryption_key must be 32 bytes, written as base64 or hex",
            )
        self._aes = AESGCM(key)

    def seal(self, body: bytes, place: bytes) -> bytes:
        # Not the caller's random source: a nonce that comes twice would give the key away.
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, body, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._aes.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except InvalidTag as error:
            raise StorageError(
                "a sealed body does not open: wrong key, or it was changed on disk",
                hint="check ledger.encryption_key; if it is right, restore the content file",
            ) from error
