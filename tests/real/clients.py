"""Programs of other people's libraries before a gateway, each run by its own environment."""

import json
import subprocess
from pathlib import Path

import prepare_clients
import pytest

PROGRAMS = Path(__file__).with_name("programs")


def told_by(name: str, program: str, url: str) -> dict[str, object]:
    """What the program of `name` printed, as JSON. It gets the gateway's address alone."""
    if not prepare_clients.is_prepared(name):
        # What cannot be installed here says nothing of the gateway.
        pytest.skip(f"the client {name!r} is not there: run tools/prepare_clients.py")
    home = prepare_clients.clients_folder() / name
    if name in prepare_clients.OF_NPM:
        # Modules are looked for beside the program.
        beside = home / program
        beside.write_text((PROGRAMS / program).read_text(encoding="utf-8"), encoding="utf-8")
        command = ["node", str(beside), url]
    else:
        command = [str(home / "bin" / "python"), str(PROGRAMS / program), url]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=home
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(told, dict)
    return told
