"""The ground that faults are tried on: fake servers behind fault proxies, and a real gateway."""

import asyncio
import contextlib
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil

from aihandler.testing import FakeServer, FaultProxy, Scripted
from aihandler.testing.fault_proxy import Troubles

# Dollars per million tokens, input and output.
PRICES = (1, 2)
TASK_S = 6.0
_DEPLOYMENT = """
  {name}:
    backend: openai
    url: "{url}"
    model: {name}-1
    hosting: {hosting}
    profile: vllm
    price: {{input: 1, output: 2}}
    limits: {{concurrency: 4000}}
    timeouts: {{connect_s: {wait}, first_byte_s: {wait}, stall_s: {wait}, total_s: {total}}}
"""
_POLICY = """
policy:
  public: {hosting: [self, managed, vendor]}
  internal: {hosting: [self, managed, vendor]}
  restricted: {hosting: self}
"""
# The clock of a process is what this file says, read each time.
_CLOCK = """
import os, time
_real, _path = time.time, os.environ.get("FAULTS_CLOCK")
def _told():
    try:
        with open(_path) as told:
            return _real() + float(told.read() or 0)
    except OSError:
        return _real()
if _path:
    time.time = _told
"""


class Provider:
    """One deployment: a fake server with a bill, behind a proxy that makes trouble."""

    def __init__(
        self, name: str, reply: Scripted, *, troubles: Troubles, hosting: str, patience_s: float
    ) -> None:
        self.name = name
        self.reply = reply
        self.hosting = hosting
        self.patience_s = patience_s
        self.troubles = troubles
        self.bill: Path | None = None
        self.server: FakeServer | None = None
        self.proxy: FaultProxy | None = None
        # An address that is none of ours, in place of the proxy's.
        self.url = ""
        self.tls: ssl.SSLContext | None = None

    async def start(self, folder: Path) -> None:
        self.bill = folder / f"bill-{self.name}.jsonl"
        self.server = await FakeServer(self.reply, bill=self.bill, keep_bytes=False).start()
        self.proxy = FaultProxy(self.server.url, self.troubles, tls=self.tls)
        await self.proxy.start()
        self.url = self.url or self.proxy.url

    async def close(self) -> None:
        assert self.proxy is not None
        assert self.server is not None
        await self.proxy.close()
        await self.server.close()

    @property
    def text(self) -> str:
        return self.reply.text

    @property
    def now(self) -> FaultProxy:
        assert self.proxy is not None
        return self.proxy

    def line(self) -> str:
        return _DEPLOYMENT.format(
            name=self.name, url=self.url, hosting=self.hosting,
            wait=self.patience_s, total=max(3.0, self.patience_s * 2),
        )  # fmt: skip


class Ground:
    """Use it as `async with`; then `gateway()` as often as a fault needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.providers: dict[str, Provider] = {}
        self.tasks: dict[str, tuple[str, ...]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def provider(
        self,
        name: str,
        reply: Scripted | str = "",
        *,
        troubles: Troubles = None,
        hosting: str = "self",
        patience_s: float = 0.8,
    ) -> Provider:
        """One more deployment, before the ground is entered."""
        said = (
            reply if isinstance(reply, Scripted) else Scripted(reply or f"Grüße von {name}: 你好")
        )
        made = Provider(name, said, troubles=troubles, hosting=hosting, patience_s=patience_s)
        self.providers[name] = made
        return made

    async def __aenter__(self) -> "Ground":
        for provider in self.providers.values():
            await provider.start(self.folder)
        (self.folder / "aihandler.yaml").write_text(self._configuration(), "utf-8")
        (self.folder / "sitecustomize.py").write_text(_CLOCK)
        self.set_clock(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for provider in self.providers.values():
            await provider.close()

    def set_clock(self, offset_s: float) -> None:
        """What the clocks of the gateway's processes are off by, from now on."""
        made = self.folder / "clock.new"
        made.write_text(str(offset_s))
        made.replace(self.folder / "clock")

    @property
    def ledger(self) -> Path:
        return self.folder / ".aihandler" / "ledger.sqlite"

    @contextlib.asynccontextmanager
    async def gateway(self, *arguments: str, with_clock: bool = False) -> "AsyncIterator[Running]":
        """A gateway as users start it."""
        running = await self.start(*arguments, with_clock=with_clock)
        try:
            yield running
        finally:
            await running.stop()

    async def start(self, *arguments: str, with_clock: bool = False) -> "Running":
        """Starts a gateway, returns when it takes requests."""
        log = (self.folder / "gateway.log").open("ab")
        log.write(b"---\n")
        log.flush()
        before = (self.folder / "gateway.log").stat().st_size
        path = os.environ.get("PYTHONPATH", "")
        environ = {**os.environ, "PYTHONPATH": path}
        if with_clock:
            environ["PYTHONPATH"] = f"{self.folder}{os.pathsep}{path}"
            environ["FAULTS_CLOCK"] = str(self.folder / "clock")
        command = [sys.executable, "-m", "aihandler", "serve", "--port", "0", "--insecure-local"]
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs until it is there
            [*command, *arguments], cwd=self.folder, stderr=log, stdout=log, env=environ
        )
        log.close()
        running = Running(self, process)

        def said() -> bool:
            told = (self.folder / "gateway.log").read_bytes()[before:].decode("utf-8", "replace")
            found = re.search(r"serving at http://[^:]+:(\d+)/v1", told)
            if found:
                running.port = int(found[1])
            return bool(found) or process.poll() is not None

        await until(said, within_s=60)
        if not running.port:
            raise NotStarted((self.folder / "gateway.log").read_text("utf-8")[-2000:])
        return running

    def _configuration(self) -> str:
        tasks = "".join(
            f"\n  {name}: {{candidates: [{', '.join(names)}],"
            f" limits: {{attempts: 4, total_s: {TASK_S:g}}}}}"
            for name, names in self.tasks.items()
        )
        rows = "".join(provider.line() for provider in self.providers.values())
        said = f"\ntasks:{tasks}\n" if tasks else ""
        return f"version: 1\ndeployments:{rows}{said}{_POLICY}"


class NotStarted(Exception):
    """The gateway ended before it took requests; its words say why."""


class Running:
    """One life of a gateway."""

    def __init__(self, ground: Ground, process: "subprocess.Popen[bytes]") -> None:
        self.ground = ground
        self.process = process
        self.port = 0

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def workers(self) -> list[psutil.Process]:
        if not self.alive:
            return []
        return psutil.Process(self.process.pid).children()

    def sockets(self) -> "tuple[int, int, int]":
        """Of all workers: descriptors that are no upstream connection, upstream connections, and
        connections that the other side has closed and we have not."""
        ours = {p.now.port for p in self.ground.providers.values()}
        files = upstream = forgotten = 0
        for worker in self.workers():
            tcp = worker.net_connections("tcp")
            kept = sum(bool(c.raddr) and c.raddr.port in ours for c in tcp)
            files += worker.num_fds() - kept
            upstream += kept
            forgotten += sum(c.status == "CLOSE_WAIT" for c in tcp)
        return files, upstream, forgotten

    async def stop(self) -> None:
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            await until(lambda: not self.alive, within_s=45)
        if self.alive:
            for worker in self.workers():
                worker.kill()
            self.process.kill()
        self.process.wait()

    def die(self) -> None:
        """All of it at once, as a machine does that kills what it likes."""
        workers = self.workers()
        self.process.kill()
        for worker in workers:
            worker.kill()
        self.process.wait()


async def until(holds: Callable[[], object], *, within_s: float) -> None:
    """Waits for something that happens elsewhere. Raises AssertionError."""
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("did not happen in time")
        await asyncio.sleep(0.02)
