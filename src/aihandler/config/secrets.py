"""Secrets stay where they are: the file names them, and they are read when needed."""

import re
from collections.abc import Mapping
from pathlib import Path

from aihandler.domain.deployment import Secret
from aihandler.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(?:(file:)([^}]+)|([A-Za-z_][A-Za-z0-9_]*))\}\Z")
MAX_BYTES = 65_536


def reference(text: str) -> Secret | None:
    """Reads `${NAME}` or `${file:/path}`; None for anything else, which may be a secret itself."""
    found = _REFERENCE.match(text)
    if found is None:
        return None
    return Secret("file", found[2]) if found[1] else Secret("env", found[3])


def resolve(secret: Secret, environ: Mapping[str, str]) -> str:
    """The secret itself. Raises ConfigError, which names the reference and never the value."""
    value = _read(secret) if secret.source == "file" else environ.get(secret.name, "")
    if not value:
        what = "the file is empty" if secret.source == "file" else "it is not set"
        raise ConfigError(f"no value for {secret}: {what}", hint=_hint(secret))
    if any(character in value for character in "\r\n\0"):
        raise ConfigError(f"{secret} holds more than one line", hint="keep the key alone in it")
    return value


def _read(secret: Secret) -> str:
    try:
        with Path(secret.name).open("rb") as file:
            content = file.read(MAX_BYTES)
        # Editors and `echo` end a file with a newline that is no part of the key.
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        why = error.strerror or "unreadable"
        raise ConfigError(f"no value for {secret}: {why}", hint=_hint(secret)) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{secret} is not text", hint=_hint(secret)) from None


def _hint(secret: Secret) -> str:
    if secret.source == "env":
        return f"set it: export {secret.name}=..."
    return f"write the key to {secret.name}, readable by this user"
