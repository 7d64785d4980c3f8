"""The socket that clients come to. It connects to nobody: what goes out is the transport's."""

import socket

from aihandler.errors import InputError

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that workers inherit; port 0 takes any. Raises InputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            hint="another program may use the port; --port takes another one, 0 any",
        ) from error
    listening.listen(_BACKLOG)
    listening.set_inheritable(True)
    return listening


def address_of(host: str, port: int) -> str:
    """Where clients find it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def inherited(descriptor: int) -> socket.socket:
    """The same socket in a worker."""
    return socket.socket(fileno=descriptor)
