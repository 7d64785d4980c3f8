"""What holds for every test: only loopback is reached, and programs can be interrupted."""

import signal
import socket

import pytest
from hypothesis import settings

# What takes long on a loaded machine is no mistake.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")
# Begun in the background by a shell, tests ignore interrupts, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect
    connect_ex = socket.socket.connect_ex

    def guarded(self: socket.socket, address: object) -> None:
        _refuse(self, address)
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller gave

    def guarded_ex(self: socket.socket, address: object) -> int:
        _refuse(self, address)
        return connect_ex(self, address)  # type: ignore[arg-type]  # whatever the caller gave

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


def _refuse(sock: socket.socket, address: object) -> None:
    if sock.family == socket.AF_UNIX:
        return
    host = address[0] if isinstance(address, tuple) else address
    if not str(host).startswith(_LOOPBACK):
        pytest.fail(f"a test tried to reach {host}: only loopback is allowed")
