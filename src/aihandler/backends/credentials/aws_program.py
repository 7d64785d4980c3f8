"""Runs the program that an AWS profile names, and reads the keys that it prints."""

import asyncio
import contextlib
import shlex
from collections.abc import Mapping
from typing import Any

from aihandler.backends.credentials.asking import Asker, read_object

_PROGRAM_S = 20.0
_MAX_BYTES = 64 * 1024


async def keys_of_program(
    command: str, asker: Asker, *, environ: Mapping[str, str]
) -> Mapping[str, Any]:
    """What it printed. No shell is used; what it says otherwise is not shown: it may be a key."""
    try:
        words = shlex.split(command)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environ),
            limit=_MAX_BYTES,
        )
    except (OSError, ValueError, TypeError):
        raise asker.rejected("has no credentials: its `credential_process` cannot be run") from None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PROGRAM_S):
            printed = await _bounded(process.stdout)
            code = await process.wait() if len(printed) <= _MAX_BYTES else -1
    except TimeoutError:
        raise asker.unavailable(
            f"has no credentials: its `credential_process` took more than {_PROGRAM_S:g} s"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code != 0:
        raise asker.rejected(f"has no credentials: its `credential_process` ended with {code}")
    said = read_object(printed)
    if said is None or said.get("Version") != 1:
        raise asker.rejected("has no credentials: its `credential_process` printed no keys")
    return said


async def _bounded(stream: asyncio.StreamReader) -> bytes:
    printed = b""
    while len(printed) <= _MAX_BYTES and (piece := await stream.read(_MAX_BYTES)):
        printed += piece
    return printed
