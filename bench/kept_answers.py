"""What a kept answer costs: `python -m bench.kept_answers`.

Runs the gateway's application in this process, without a server before it: a hit as a worker has
it (key of nobody, clearance, route, ledger through a spool), its parts, and what a task that keeps
no answers pays for the question. CPU time of the process; the least and the median of the rounds.
"""

import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from aihandler import Handler
from aihandler.config import load
from aihandler.domain.answer import Validity
from aihandler.domain.attempt import Snapshot
from aihandler.domain.kept import KeptAnswer, Owner
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.task import CacheSettings
from aihandler.engine import Call, Planner
from aihandler.engine.caching import Caching
from aihandler.engine.questions import Questions
from aihandler.gateway.admission import Everyone
from aihandler.gateway.app import Gateway
from aihandler.gateway.serving import Serving
from aihandler.ledger import FoldedLedger, SpooledLedger
from aihandler.ledger.cache import AnswerCache, make_cache
from aihandler.surroundings import SystemClock
from aihandler.testing import FakeServer, MemoryJournal

ROUNDS, EACH = 8, 500
FILE = """
version: 1
deployments:
  near: {{backend: openai, url: "{url}", model: m, hosting: self}}
tasks:
  kept: {{output: {{text: true}}, candidates: near, cache: {{ttl_s: 3600}}}}
"""
TALK = [{"role": "system", "content": "Be brief. " * 60}, {"role": "user", "content": "hi " * 280}]


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        # As workers do.
        uvloop.run(_measure(Path(folder)))


async def _measure(folder: Path) -> None:
    with FakeServer("Hello there. " * 40) as server:
        configuration = load(_written(folder, FILE.format(url=server.url)))
        path, clock = folder / "ledger.sqlite", SystemClock()
        folded = FoldedLedger(path, clock=clock, encryption_key=None, keep_content=True)
        _, first_id = folded.new_spool(folder / "a.spool", size=1 << 28)
        make_cache(path, wall=clock.wall())
        ledger = SpooledLedger(
            path, clock=clock, encryption_key=None, spool=folder / "a.spool", first_id=first_id
        )
        async with Handler(configuration, ledger=ledger) as handler:
            serving = Serving(handler.configuration, handler, clock=clock)
            app = Gateway(serving, Everyone())
            assert await _state(app) == b"miss"
            assert await _state(app) == b"hit"
            await _tell("a hit through the application", lambda: _state(app))
            with contextlib.closing(AnswerCache(path, clock=clock, encryption_key=None)) as cache:
                await _parts(handler, cache)
        folded.close()
    print(f"load {os.getloadavg()[0]:.1f}")


async def _parts(handler: Handler, cache: AnswerCache) -> None:
    configuration, prices = handler.configuration, handler.prices
    task = configuration.tasks["kept"]
    call = Call("id", task, Labels(DataClass.INTERNAL), {"text": "hi " * 280}, cache="use")
    off = msgspec.structs.replace(call, task=msgspec.structs.replace(task, cache=None))
    planner = Planner(configuration, prices)
    plan = planner.plan(task, call.labels, fields=call.fields, snapshot=Snapshot())
    questions = Questions(configuration)
    name = questions.name(call, plan)
    caching = Caching(configuration, journal=MemoryJournal(), clock=SystemClock())
    caching.store = cache
    await _tell("naming the question (1.4 KB)", _each(lambda: questions.name(call, plan)))
    await _tell("looking in the file, nothing there", _each(lambda: cache.find(name)))
    await _tell("a task that keeps no answers", _each(lambda: caching.question(off, plan)))
    kept = KeptAnswer("c", time.time(), "near", "Hello there. " * 40, Validity.EXACT)
    owner, settings = Owner("kept", ""), CacheSettings(60.0, 100)
    await _tell(
        "keeping an answer, with the oldest leaving",
        _each(lambda: cache.keep(os.urandom(32), kept, owner=owner, settings=settings)),
    )


def _each(measured: Callable[[], object]) -> Callable[[], object]:
    async def once() -> None:
        measured()

    return once


async def _tell(what: str, ask: Callable[[], object]) -> None:
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(EACH):
            await ask()  # type: ignore[misc]  # a coroutine each time
        took.append((time.process_time() - began) / EACH * 1e6)
    print(f"{what}: {statistics.median(took):.1f} us (least {min(took):.1f}, most {max(took):.1f})")


async def _state(app: Gateway) -> bytes:
    body = json.dumps({"model": "kept", "messages": TALK}).encode()
    told: dict[bytes, bytes] = {}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, object]) -> None:
        told.update(message.get("headers", ()))  # type: ignore[call-overload]  # pairs of bytes

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await app(scope, receive, send)
    return told[b"x-aihandler-cache"]


def _written(folder: Path, text: str) -> Path:
    path = folder / "aihandler.yaml"
    path.write_text(text)
    return path


if __name__ == "__main__":
    main()
