"""What is measured: the server itself, nginx, this gateway, and others of its kind."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from bench.gateway.load import Job, request_of

_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream models {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://models; proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_buffering off; }}
  }}
}}
"""
_AIHANDLER = """
version: 1
deployments:
  near: {{backend: openai, url: "http://127.0.0.1:{upstream}", model: m-1, hosting: self,
         profile: vllm, price: {{input: 1, output: 2}}, limits: {{concurrency: 256}}}}
  far: {{backend: openai, url: "http://127.0.0.1:{upstream}", model: m-2, hosting: vendor,
        profile: openai, price: {{input: 1, output: 2}}, limits: {{concurrency: 256}}}}
policy:
  internal: {{hosting: [self, vendor]}}
  restricted: {{hosting: self}}
tasks:
  chat: {{candidates: [near, far]}}
"""


class Target(msgspec.Struct):
    """Something that listens. `pids` are its processes, the one that was started first."""

    name: str
    does: str
    port: int
    version: str = ""
    headers: Mapping[str, str] = {}
    model: str = "chat"
    process: "subprocess.Popen[bytes] | None" = None
    cold_s: float = 0.0
    # Its first error has been told.
    failed: bool = False

    def processes(self) -> list[psutil.Process]:
        if self.process is None:
            return []
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def cpu_s(self) -> list[float]:
        """CPU seconds of each process, in the order of their start."""
        return [sum(p.cpu_times()[:2]) for p in self.processes()]

    def memory_mb(self) -> list[float]:
        return [p.memory_full_info().pss / 1e6 for p in self.processes()]


class Skipped(Exception):
    """This one cannot be measured here, and why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """The static server."""
    port = free_port()
    command = [sys.executable, "-m", "bench.gateway.upstream", str(port)]
    with subprocess.Popen(command) as process:
        try:
            answers(Target("direct", "", port), within_s=20, process=process)
            yield port
        finally:
            process.terminate()


def direct(port: int) -> Target:
    return Target("direct", "the static server itself", port)


def nginx(folder: Path, port: int, *, program: str) -> Target:
    """One worker that passes bytes on."""
    found = shutil.which(program)
    if found is None:
        raise Skipped("nginx is not installed (Debian: `apt install nginx-light`; or --nginx PATH)")
    folder.mkdir(parents=True, exist_ok=True)
    said = subprocess.run([found, "-v"], capture_output=True, text=True, check=False).stderr
    target = Target("nginx", "passes bytes on; no key, no ledger, reads no body", free_port())
    target.version = said.strip().rpartition("/")[2]
    made = folder / "nginx.conf"
    made.write_text(_NGINX.format(folder=folder.absolute(), upstream=port, port=target.port))
    return started(target, [found, "-p", str(folder), "-c", str(made.absolute())], folder)


def aihandler(folder: Path, port: int, *, workers: int = 1) -> Target:
    """Keys, clearance, routing and the ledger on, texts kept."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "aihandler.yaml").write_text(_AIHANDLER.format(upstream=port))
    program = [sys.executable, "-m", "aihandler"]
    made = subprocess.run(
        [*program, "keys", "create", "bench", "--team", "bench"],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    does = "key, clearance, route, validation, ledger with texts; reads bodies and answers"
    name = "aihandler" if workers == 1 else f"aihandler, {workers} workers"
    target = Target(name, does, free_port())
    target.headers = {"authorization": f"Bearer {made.stdout.strip()}"}
    target.version = subprocess.run(
        [*program, "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    more = ["serve", "--port", str(target.port), "--workers", str(workers)]
    return started(target, [*program, *more], folder)


def started(
    target: Target,
    command: Sequence[str],
    folder: Path,
    *,
    within_s: float = 30.0,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """Starts a process and waits for its first right answer; says how long that took."""
    with (folder / f"{target.name.partition(',')[0]}.log").open("wb") as log:
        began = time.monotonic()
        target.process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={**environment(), **(environ or {})}
        )
    try:
        answers(target, within_s=within_s, process=target.process)
    except BaseException:
        stop(target)
        raise
    target.cold_s = time.monotonic() - began
    return target


def environment() -> dict[str, str]:
    """Ours, but what is installed has its bytecode: without, a start compiles every file anew."""
    return {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}


def stop(target: Target) -> None:
    """Ends it, and whatever it started."""
    processes = target.processes() if target.process and target.process.poll() is None else []
    if target.process is not None:
        target.process.terminate()
    _, left = psutil.wait_procs(processes, timeout=15)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    if target.process is not None:
        target.process.wait()


def answers(target: Target, *, within_s: float, process: "subprocess.Popen[bytes]") -> None:
    """Returns once one question was answered as it should be. Raises Skipped."""
    raw = request_of(Job(target.port, 0, model=target.model)).partition(b"\r\n\r\n")[2]
    end, why = time.monotonic() + within_s, "no answer"
    while time.monotonic() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=within_s)
        try:
            headers = {"content-type": "application/json", **target.headers}
            connection.request("POST", "/v1/chat/completions", raw, headers)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status == 200 and json.loads(body)["choices"]:
                return
            why = f"status {reply.status}: {body[:200]!r}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error)
        finally:
            connection.close()
        time.sleep(0.02)
    raise Skipped(f"{target.name} did not answer within {within_s:g} s: {why}")
