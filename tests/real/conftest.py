"""Real model servers, prepared by `tools/prepare_real_server.py`: `make test-real` does both."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

MODEL = Path(__file__).parents[1] / "data" / "models" / "nano_q8_0.gguf"
START_S = 120


def _python() -> Path:
    cache = Path(os.environ.get("AIHANDLER_CACHE") or Path.home() / ".cache" / "aihandler")
    python = cache / "real-server" / "bin" / "python"
    if not python.exists():
        # A failure, not a skip: nobody should believe that these tests ran.
        pytest.fail("no real server is prepared: run `make test-real`")
    return python


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _serving(log: Path) -> Iterator[str]:
    port = _free_port()
    command = [
        str(_python()), "-m", "llama_cpp.server", "--model", str(MODEL), "--model_alias", "nano",
        "--host", "127.0.0.1", "--port", str(port), "--n_ctx", "512", "--n_threads", "2",
    ]  # fmt: skip
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, log)
            yield url
        finally:
            process.kill()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/v1/models", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the real server did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def llama_cpp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a llama-cpp-python server with a model of 1.1 MB; stopped at the end."""
    with _serving(tmp_path_factory.mktemp("llama") / "server.log") as url:
        yield url
