"""Faults of our own processes, files and clocks."""

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

import psutil

from aihandler.testing import Scripted
from bench.faults import crowds
from bench.faults.asking import Told, ask
from bench.faults.ground import Ground, NotStarted, Running, until
from bench.faults.outcome import Outcome, Watch, counted
from bench.faults.promises import Seen, broken, entries

_SLOW = Scripted("Words that take their time. " * 4, piece_delay_s=0.05)
_LATE = Scripted("Words that come late.", delay_s=1.0)


class Tried(Protocol):
    """Makes one fault happen, in a folder of its own."""

    def __call__(self, folder: Path, *, short: bool) -> Awaitable[Outcome]:
        """What became of it."""
        ...


def faults() -> dict[str, Tried]:
    """The matrix."""
    return {
        "worker gets SIGSEGV": worker_segv,
        "worker gets SIGKILL": worker_kill,
        "all processes get SIGKILL": all_killed,
        "disk full": disk_full,
        "disk full, and a worker dies": disk_full_and_a_death,
        "database locked": database_locked,
        "corrupt page, found while it runs": corrupt_while_running,
        "corrupt page, found at the start": corrupt_at_start,
        "clock one hour on": clock_on,
        "clock one hour back": clock_back,
        "broken reload": broken_reload,
        **crowds.faults(),
    }


async def worker_segv(folder: Path, *, short: bool) -> Outcome:
    """A worker dies amid its requests; the supervisor books them and starts another."""
    return await _worker_dies(folder, signal.SIGSEGV, "worker gets SIGSEGV", short=short)


async def worker_kill(folder: Path, *, short: bool) -> Outcome:
    """The same by a signal that nobody can catch."""
    return await _worker_dies(folder, signal.SIGKILL, "worker gets SIGKILL", short=short)


async def all_killed(folder: Path, *, short: bool) -> Outcome:
    """Supervisor and worker die at once; a gateway that starts later books what they left."""
    ground, watch = _plain(folder), Watch()
    async with ground:
        gateway = await ground.start()
        working = asyncio.gather(*_slow_and_quick(gateway.port, 10 if short else 60))
        await _amid(ground, 10 if short else 60)
        gateway.die()
        told = await working
        async with ground.gateway() as second:
            after = [await ask(second.port, "near") for _ in range(3)]
            wrong = await broken(ground, second, _seen(ground, after, watch))
    happened = f"cut off: {counted(told)}; after a restart: {counted(after)}"
    return Outcome("ours", "all processes get SIGKILL", happened, tuple(wrong))


async def disk_full(folder: Path, *, short: bool) -> Outcome:
    """The supervisor can make no file longer, as on a full disk; later it can again."""
    ground, watch = _plain(folder), Watch()
    async with ground, ground.gateway() as gateway:
        before = await _ask_some(gateway.port, 5)
        await _folded(ground, 5)
        supervisor = psutil.Process(gateway.process.pid)
        usual = supervisor.rlimit(psutil.RLIMIT_FSIZE)
        supervisor.rlimit(psutil.RLIMIT_FSIZE, (4096, usual[1]))
        during = await _ask_some(gateway.port, 30 if short else 300)
        await asyncio.sleep(0.5)
        alive = gateway.alive
        if alive:
            supervisor.rlimit(psutil.RLIMIT_FSIZE, usual)
        after = await _ask_some(gateway.port, 5) if alive else []
        told = [*before, *during, *after]
        wrong = [] if alive else ["the supervisor ended"]
        wrong += await _all_there(ground, gateway, told, watch) if alive else []
    wrong += _said(folder, "cannot be written")
    happened = f"meanwhile: {counted(during)}; all booked once there is room"
    return Outcome("ours", "disk full", happened, tuple(wrong))


async def disk_full_and_a_death(folder: Path, *, short: bool) -> Outcome:
    """What a worker left cannot be booked, nor its slot be given out again, until there is room."""
    ground, watch = _plain(folder), Watch()
    async with ground, ground.gateway() as gateway:
        (worker,) = gateway.workers()
        supervisor = psutil.Process(gateway.process.pid)
        usual = supervisor.rlimit(psutil.RLIMIT_FSIZE)
        supervisor.rlimit(psutil.RLIMIT_FSIZE, (4096, usual[1]))
        during = await _ask_some(gateway.port, 10)
        worker.kill()
        await asyncio.sleep(0.5 if short else 3.0)
        alone = not gateway.workers()
        supervisor.rlimit(psutil.RLIMIT_FSIZE, usual)
        await until(gateway.workers, within_s=30)
        after = await _ask_some(gateway.port, 5)
        wrong = await _all_there(ground, gateway, [*during, *after], watch)
        wrong += [] if alone else ["a slot was given out before it was folded"]
    wrong += _said(folder, "cannot be written")
    happened = f"nobody answers while the slot waits; then {counted(after)}, and all is booked"
    return Outcome("ours", "disk full, and a worker dies", happened, tuple(wrong))


async def database_locked(folder: Path, *, short: bool) -> Outcome:
    """Somebody else holds the ledger for longer than SQLite waits."""
    held_s = 1.0 if short else 11.0
    ground, watch = _plain(folder), Watch()
    async with ground, ground.gateway() as gateway:
        before = await _ask_some(gateway.port, 5)
        await _folded(ground, 5)
        with contextlib.closing(sqlite3.connect(ground.ledger, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            during = await _ask_some(gateway.port, 30 if short else 300)
            await asyncio.sleep(held_s)
            holder.execute("ROLLBACK")
        after = await _ask_some(gateway.port, 5) if gateway.alive else []
        told = [*before, *during, *after]
        wrong = [] if gateway.alive else ["the supervisor ended"]
        wrong += await _all_there(ground, gateway, told, watch) if gateway.alive else []
    happened = f"for {held_s:g} s: {counted(during)}; all booked afterwards"
    return Outcome("ours", "database locked", happened, tuple(wrong))


async def corrupt_while_running(folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - as the others
    """Pages of the ledger are overwritten under a running gateway."""
    ground = _plain(folder)
    async with ground, ground.gateway() as gateway:
        await _ask_some(gateway.port, 40)
        await _folded(ground, 40)
        _checkpoint(ground.ledger)
        _scribble(ground.ledger)
        told = await _ask_some(gateway.port, 20)
        await asyncio.sleep(1.0)
        alive = gateway.alive
        again = await ask(gateway.port, "near")
    wrong = [] if alive else ["the supervisor ended"]
    wrong += _said(folder, "cannot be written")
    wrong += [f"{one.kind}" for one in (*told, again) if one.kind not in _ORDERLY]
    happened = f"{counted([*told, again])}; the log says that the ledger cannot be written"
    return Outcome("ours", "corrupt page, found while it runs", happened, tuple(wrong))


async def corrupt_at_start(folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - as the others
    """The same while no gateway runs."""
    ground = _plain(folder)
    async with ground:
        async with ground.gateway() as gateway:
            await _ask_some(gateway.port, 40)
            await _folded(ground, 40)
        _scribble(ground.ledger)
        try:
            async with ground.gateway() as gateway:
                told = await _ask_some(gateway.port, 3)
            happened, wrong = f"it starts: {counted(told)}", ["a damaged ledger is not refused"]
        except NotStarted as error:
            words = str(error).rpartition("---")[2].strip()
            happened, wrong = "it does not start, and says which file is damaged", []
            if "ledger.sqlite" not in words or "Traceback" in words:
                wrong.append(f"it does not say why: {words[-200:]!r}")
    return Outcome("ours", "corrupt page, found at the start", happened, tuple(wrong))


async def clock_on(folder: Path, *, short: bool) -> Outcome:
    """The wall clock of all processes jumps an hour forward, amid requests."""
    return await _clock(folder, 3600.0, "clock one hour on", short=short)


async def clock_back(folder: Path, *, short: bool) -> Outcome:
    """The same backward."""
    return await _clock(folder, -3600.0, "clock one hour back", short=short)


# The exit code of a command whose configuration is wrong.
_WRONG_FILE = 2


async def broken_reload(folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - as the others
    """A wrong configuration is offered to a running gateway."""
    name, ground = "broken reload", _plain(folder)
    async with ground, ground.gateway() as gateway:
        path = folder / "aihandler.yaml"
        path.write_text(path.read_text("utf-8") + "\nnonsense: {\n", "utf-8")
        command = [sys.executable, "-m", "aihandler", "apply"]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=folder, capture_output=True, text=True, check=False
        )
        told = await _ask_some(gateway.port, 5)
    wrong = [one.kind for one in told if one.kind != "answer"]
    if done.returncode != _WRONG_FILE:
        wrong.append(f"`apply` ended with {done.returncode}: {done.stderr[-200:]}")
    happened = f"refused; the old one stays in force: {counted(told)}"
    return Outcome("ours", name, happened, tuple(wrong))


def _said(folder: Path, words: str) -> list[str]:
    said = words in (folder / "gateway.log").read_text("utf-8")
    return [] if said else [f"nobody was told that the ledger {words}"]


_ORDERLY = {"answer", "error event", "error 500", "error 503"}


def _plain(folder: Path) -> Ground:
    ground = Ground(folder)
    ground.provider("near", patience_s=5.0)
    ground.provider("slow", _SLOW, patience_s=5.0)
    ground.provider("late", _LATE, patience_s=5.0)
    return ground


def _seen(ground: Ground, told: list[Told], watch: Watch) -> Seen:
    texts = frozenset(provider.text for provider in ground.providers.values())
    return Seen(told, watch.seconds, texts=texts)


def _slow_and_quick(port: int, count: int) -> list[Awaitable[Told]]:
    models = [model for _ in range(count) for model in ("slow", "late", "near")]
    return [
        ask(port, model, text=f"number {n}", streamed=n % 2 == 0) for n, model in enumerate(models)
    ]


async def _amid(ground: Ground, count: int) -> None:
    """Returns when some are answered, and others have been sent and are not."""
    late = ground.providers["late"].now
    with contextlib.suppress(AssertionError):
        await until(lambda: late.requests >= count, within_s=10)


async def _ask_some(port: int, count: int) -> list[Told]:
    told: list[Told] = []
    for begin in range(0, count, 10):
        some = range(begin, min(begin + 10, count))
        told += await asyncio.gather(
            *(ask(port, "near", text=f"number {n}", streamed=n % 2 == 0) for n in some)
        )
    return told


async def _folded(ground: Ground, count: int) -> None:
    await until(lambda: len(entries(ground)) >= count, within_s=20)


async def _all_there(ground: Ground, gateway: Running, told: list[Told], watch: Watch) -> list[str]:
    wanted = sum(one.kind == "answer" for one in told)
    try:
        await _folded(ground, wanted)
    except AssertionError:
        return [f"{wanted} calls were answered, {len(entries(ground))} are booked"]
    return await broken(ground, gateway, _seen(ground, told, watch))


async def _worker_dies(folder: Path, number: signal.Signals, name: str, *, short: bool) -> Outcome:
    ground, watch = _plain(folder), Watch()
    async with ground, ground.gateway() as gateway:
        (worker,) = gateway.workers()
        working = asyncio.gather(*_slow_and_quick(gateway.port, 10 if short else 60))
        await _amid(ground, 10 if short else 60)
        # No file of 60 MB for each try.
        worker.rlimit(resource.RLIMIT_CORE, (0, 0))
        worker.send_signal(number)
        told = await working
        await until(
            lambda: [w.pid for w in gateway.workers()] not in ([], [worker.pid]), within_s=20
        )
        after = [await ask(gateway.port, "near") for _ in range(3)]
        wrong = await broken(ground, gateway, _seen(ground, after, watch))
        wrong += [f"afterwards: {one.kind}" for one in after if one.kind != "answer"]
    happened = f"cut off: {counted(told)}; its successor: {counted(after)}"
    return Outcome("ours", name, happened, tuple(wrong))


async def _clock(folder: Path, offset_s: float, name: str, *, short: bool) -> Outcome:
    ground, watch = _plain(folder), Watch()
    async with ground, ground.gateway(with_clock=True) as gateway:
        working = asyncio.gather(*_slow_and_quick(gateway.port, 5 if short else 30))
        await asyncio.sleep(0.2)
        ground.set_clock(offset_s)
        told = [*await working, *await _ask_some(gateway.port, 10)]
        ground.set_clock(0)
        told += await _ask_some(gateway.port, 10)
        wrong = await _all_there(ground, gateway, told, watch)
        wrong += [one.kind for one in told if one.kind != "answer"]
    return Outcome("ours", name, counted(told), tuple(wrong))


def _checkpoint(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _scribble(path: Path) -> None:
    """Overwrites every page but the first, of a file with some hundred of them."""
    size = path.stat().st_size
    with path.open("r+b") as ledger:
        for place in range(8192, size, 4096):
            ledger.seek(place)
            ledger.write(b"\xa5" * 512)
        os.fsync(ledger.fileno())
