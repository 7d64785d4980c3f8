"""Reads the chat template out of a GGUF file's header, which anybody may have written.

Every length is compared with what is left of the file before it is used. Tensors are never read.
Format: GGUF versions 2 and 3, little and big endian (the specification in ggml's docs).
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn

from aihandler.backends.chat_templates.conversation import Template
from aihandler.errors import ConfigError

_MAGIC = b"GGUF"
_FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_ENTRIES = 65_536
_MAX_KEY_BYTES = 65_535
_MAX_TEXT_BYTES = 4 << 20
_MAX_TOKENS = 2_000_000
_CONTROL_TOKEN = 3
_TEMPLATE = "tokenizer.chat_template"
_TOKENS = "tokenizer.ggml.tokens"
_TYPES = "tokenizer.ggml.token_type"
_ADDS_BOS = "tokenizer.ggml.add_bos_token"
_WANTED = frozenset(
    {
        "general.name",
        _TEMPLATE,
        _TOKENS,
        _TYPES,
        _ADDS_BOS,
        "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id",
    }
)

Value = str | int | float | bool | list[str] | list[int] | None


def read_gguf(path: Path) -> Template:
    """The template and special tokens of one model file; `ConfigError` when it holds none."""
    values = read_header(path)
    source = values.get(_TEMPLATE)
    if not isinstance(source, str):
        raise ConfigError(
            f"{str(path)!r} holds no chat template",
            hint="name a template file or one of the shipped templates",
        )
    name = values.get("general.name")
    tokens, kinds = values.get(_TOKENS), values.get(_TYPES)
    tokens = tokens if isinstance(tokens, list) else []
    kinds = kinds if isinstance(kinds, list) else []
    adds_bos = values.get(_ADDS_BOS)
    special = [
        str(token) for token, kind in zip(tokens, kinds, strict=False) if kind == _CONTROL_TOKEN
    ]
    return Template(
        name=name if isinstance(name, str) and name else path.name,
        source=source,
        bos_token=_token(values, "bos", tokens),
        eos_token=_token(values, "eos", tokens),
        special_tokens=tuple(special),
        adds_bos=adds_bos if isinstance(adds_bos, bool) else None,
    )


def read_header(path: Path) -> Mapping[str, Value]:
    """The entries of a header that say how to talk to the model."""
    try:
        with path.open("rb") as file:
            return _Header(file, os.fstat(file.fileno()).st_size, str(path)).entries()
    except OSError as error:
        raise ConfigError(
            f"{str(path)!r} cannot be read: {error.strerror}", hint="check the path"
        ) from error


def _token(values: Mapping[str, Value], which: str, tokens: list[str] | list[int]) -> str:
    number = values.get(f"tokenizer.ggml.{which}_token_id")
    if isinstance(number, int) and 0 <= number < len(tokens):
        return str(tokens[number])
    return ""


class _Header:
    def __init__(self, file: BinaryIO, size_bytes: int, path: str) -> None:
        self._file = file
        self._left = size_bytes
        self._path = path
        self._order = "<"

    def entries(self) -> dict[str, Value]:
        if self._bytes(4) != _MAGIC:
            self._refuse("it does not begin with GGUF")
        self._version()
        self._number("Q")
        count = self._number("Q")
        if count > _MAX_ENTRIES:
            self._refuse(f"its header has {count} entries, at most {_MAX_ENTRIES}")
        found: dict[str, Value] = {}
        for _ in range(count):
            key = self._text(_MAX_KEY_BYTES)
            kind = self._number("I")
            if key in _WANTED:
                found[key] = self._value(kind)
            else:
                self._pass_over(kind)
        return found

    def _version(self) -> None:
        raw = self._bytes(4)
        version = int.from_bytes(raw, "little")
        # A file for a machine of the other byte order has its version the other way round.
        if version > 0xFFFF:
            self._order, version = ">", int.from_bytes(raw, "big")
        if version not in {2, 3}:
            self._refuse(f"it is GGUF version {version}; 2 and 3 are known")

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._text(_MAX_TEXT_BYTES)
        if kind == _ARRAY:
            return self._list()
        if kind not in _FIXED:
            self._refuse(f"its header has a value of unknown kind {kind}")
        return self._number(_FIXED[kind])

    def _list(self) -> list[str] | list[int]:
        kind, count = self._number("I"), self._number("Q")
        if count > _MAX_TOKENS:
            self._refuse(f"a list in its header has {count} elements, at most {_MAX_TOKENS}")
        if kind == _STRING:
            return [self._text(_MAX_TEXT_BYTES) for _ in range(count)]
        if kind not in _FIXED:
            self._refuse("a list in its header has elements of an unknown kind")
        form = struct.Struct(f"{self._order}{count}{_FIXED[kind]}")
        return [int(number) for number in form.unpack(self._bytes(form.size))]

    def _pass_over(self, kind: int, depth: int = 0) -> None:
        if kind == _STRING:
            self._skip(self._number("Q"))
        elif kind in _FIXED:
            self._skip(struct.calcsize(f"={_FIXED[kind]}"))
        elif kind == _ARRAY and depth < 4:
            inner, count = self._number("I"), self._number("Q")
            if inner in _FIXED:
                self._skip(count * struct.calcsize(f"={_FIXED[inner]}"))
                return
            # Each element takes eight bytes at least, so a count beyond the file ends here.
            if count * 8 > self._left:
                self._refuse("a list in its header is longer than the file")
            for _ in range(count):
                self._pass_over(inner, depth + 1)
        else:
            self._refuse(f"its header has a value of unknown kind {kind}")

    def _text(self, most: int) -> str:
        length = self._number("Q")
        if length > most:
            self._refuse(f"a text in its header has {length} bytes, at most {most}")
        return self._bytes(length).decode("utf-8", errors="replace")

    def _number(self, form: str) -> int:
        size = struct.calcsize(f"={form}")
        number: int = struct.unpack(f"{self._order}{form}", self._bytes(size))[0]
        return number

    def _bytes(self, count: int) -> bytes:
        self._take(count)
        read = self._file.read(count)
        if len(read) != count:
            self._refuse("it ends inside its header")
        return read

    def _skip(self, count: int) -> None:
        self._take(count)
        self._file.seek(count, os.SEEK_CUR)

    def _take(self, count: int) -> None:
        if count > self._left:
            self._refuse("it ends inside its header")
        self._left -= count

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigError(
            f"{self._path!r} is no GGUF model that can be read: {why}",
            hint="fetch the file again and compare its checksum",
        )
