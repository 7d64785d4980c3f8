"""Starts the real model servers that `prepare_*.py` installed, on free ports of loopback."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from environments import cache_folder

NANO = Path(__file__).parents[1] / "tests" / "data" / "models" / "nano_q8_0.gguf"
START_S = 180


class NotPreparedError(Exception):
    """A server that is not installed, or does not start; the message says what to do."""


@contextmanager
def llama_cpp(folder: Path) -> Iterator[str]:
    """The url of a llama-cpp-python server with a model of 1.1 MB, called `nano`."""
    python = _python("real-server", "make test-real")
    port = _free_port()
    command = [
        str(python), "-m", "llama_cpp.server", "--model", str(NANO), "--model_alias", "nano",
        "--host", "127.0.0.1", "--port", str(port), "--n_ctx", "512", "--n_threads", "2",
    ]  # fmt: skip
    with _serving(command, port, "/v1/models", folder / "llama_cpp.log") as url:
        yield url


@contextmanager
def transformers(folder: Path) -> Iterator[tuple[str, str]]:
    """The url of `transformers serve` with a model of random weights, and that model's name."""
    python = _python("transformers-server", "make nightly")
    model = folder / "tiny"
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hub"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    # Without this folder its list of models is an error.
    (folder / "hub" / "hub").mkdir(parents=True, exist_ok=True)
    maker = Path(__file__).with_name("make_tiny_model.py")
    made = subprocess.run(
        [str(python), str(maker), str(model)], env=environment, capture_output=True, check=False
    )
    if made.returncode:
        raise NotPreparedError(f"no model could be made:\n{made.stderr.decode()[-2000:]}")
    port = _free_port()
    command = [
        str(python.with_name("transformers")), "serve", str(model),
        "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
    ]  # fmt: skip
    log = folder / "transformers.log"
    with _serving(command, port, "/health", log, environment=environment) as url:
        yield url, str(model)


def _python(environment: str, command: str) -> Path:
    python = cache_folder() / environment / "bin" / "python"
    if not python.exists():
        raise NotPreparedError(f"no real server is prepared: run `{command}`")
    return python


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(
    command: Sequence[str],
    port: int,
    /,
    ready: str,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}{ready}", process, log)
            yield url
        finally:
            process.kill()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise NotPreparedError(
        f"the real server did not start:\n{log.read_text(errors='replace')[-2000:]}"
    )
