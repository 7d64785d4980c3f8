"""One family of modules opens sockets; everybody else goes through it."""

import ast
from pathlib import Path

import pytest

import aihandler

ROOT = Path(aihandler.__file__).parent
# `gateway/listening.py` waits for clients; a test below holds it to that.
MAY = ("backends/http/", "backends/transport.py", "testing/", "gateway/listening.py")
MODULES = {"ssl", "http.client", "urllib.request", "socketserver", "ftplib", "smtplib",
           "xmlrpc.client", "aiohttp", "httpx", "requests", "urllib3", "httptools"}  # fmt: skip
# Looks into what clients send; a parser has no socket.
PARSES = {"gateway/versions.py": "httptools"}
CALLS = {"create_connection", "open_connection", "create_unix_connection", "open_unix_connection",
         "sock_connect", "create_datagram_endpoint", "start_tls", "create_server", "start_server",
         "connect_accepted_socket", "getaddrinfo", "sock_sendto"}  # fmt: skip


def offences(source):
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name in MODULES or name.startswith("socket."))
        if isinstance(node, ast.alias) and node.name == "socket" and node.asname:
            yield "socket under another name"
        # The name of this machine is no connection to another one.
        if isinstance(node, ast.Attribute) and ast.unparse(node) != "socket.gethostname":
            yield from [ast.unparse(node)] if ast.unparse(node).startswith("socket.") else []
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in CALLS:
                yield name


def test_no_other_module_opens_a_socket():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(MAY):
            told = offences(path.read_text(encoding="utf-8"))
            found[name] = [what for what in told if what != PARSES.get(name)]
    assert {name: what for name, what in found.items() if what} == {}


def test_the_gateways_own_socket_only_listens():
    tree = ast.parse((ROOT / "gateway/listening.py").read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "listen" in used
    assert not {name for name in used if "connect" in name or "send" in name}


@pytest.mark.parametrize(
    "source",
    [
        "socket.socket()",
        "import socket as s",
        "from socket import socket",
        "from urllib import request",
        "loop.create_connection(p)",
        "from http.client import x",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    assert list(offences(source))
