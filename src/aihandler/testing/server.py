"""`python -m aihandler.testing.server`: a fake server in a process of its own."""

import argparse
import asyncio
import contextlib
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from aihandler.testing.fake_server import FakeServer
from aihandler.testing.script import Fault, Scripted


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints its url on the first line of stdout and serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="aihandler.testing.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--bill", default="", help="file that gets a line for each answered call")
    parser.add_argument("--reply", default="ok", help="text of every answer")
    parser.add_argument("--script", default="", help="module:function of the decoded request")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--fault", default=None, help="see aihandler.testing.script.Fault")
    chosen = parser.parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        _runner()(_serve(chosen))


async def _serve(chosen: argparse.Namespace) -> None:
    fault = cast("Fault | None", chosen.fault)
    constant = Scripted(chosen.reply, delay_s=chosen.delay, fault=fault)
    reply = _load(chosen.script) if chosen.script else constant
    server = await FakeServer(reply, bill=chosen.bill, keep_bytes=False).start(chosen.port)
    try:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
    finally:
        await server.close()


def _load(name: str) -> Callable[[dict[str, Any]], Scripted | str]:
    module, _, function = name.partition(":")
    return cast(
        "Callable[[dict[str, Any]], Scripted | str]",
        getattr(importlib.import_module(module), function),
    )


def _runner() -> Callable[..., object]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return cast("Callable[..., object]", uvloop.run)


if __name__ == "__main__":
    main()
