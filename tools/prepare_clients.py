"""Prepares the client libraries of the tests, each in an environment of its own.

They lie in `~/.cache/aihandler/clients` (or below `$AIHANDLER_CACHE`), about 1 GB in all. Running
it again does nothing. A name as argument prepares that one alone. What npm brings is left out,
and said so, on a machine without npm.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from environments import alone, cache_folder, new_environment, pip, say

# One environment each: they pin the SDKs below them differently.
OF_PIP: Mapping[str, tuple[str, ...]] = {
    "langchain": ("langchain-openai==1.6.7", "langchain-anthropic==1.6.1"),
    "pydantic_ai": ("pydantic-ai-slim[openai,anthropic]==2.68.0",),
    "instructor": ("instructor[anthropic]==1.17.0",),
    # No client of a model: it holds a gateway against its own description.
    "schemathesis": ("schemathesis==4.32.5",),
}
OF_NPM: Mapping[str, Mapping[str, str]] = {
    "vercel": {
        "ai": "7.0.173",
        "@ai-sdk/openai": "4.0.118",
        "@ai-sdk/anthropic": "4.0.105",
        "zod": "4.6.7",
    },
    # A program of 360 MB, which comes as a package for each system.
    "claude_code": {"@anthropic-ai/claude-code": "2.1.330"},
}


def clients_folder() -> Path:
    """Where the environments lie, by name."""
    return cache_folder() / "clients"


def main(names: list[str]) -> int:
    """Installs what is missing; the number of those that failed."""
    clients_folder().mkdir(exist_ok=True)
    with alone(cache_folder(), "clients"):
        wanted = names or [*OF_PIP, *OF_NPM]
        return sum(not _prepared(name) for name in wanted)


def is_prepared(name: str) -> bool:
    """Whether the environment is there with the versions that this file names."""
    stamp = clients_folder() / name / "prepared.txt"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _wanted(name)


def _prepared(name: str) -> bool:
    home = clients_folder() / name
    if not is_prepared(name):
        if name in OF_NPM and not shutil.which("npm"):
            say(f"{name} is left out: there is no npm on this machine")
            return True
        if not (_by_npm(name, home) if name in OF_NPM else _by_pip(name, home)):
            return False
        (home / "prepared.txt").write_text(_wanted(name), encoding="utf-8")
    say(f"{name} is ready: {home}")
    return True


def _by_pip(name: str, home: Path) -> bool:
    return pip(new_environment(home), "install", *OF_PIP[name])


def _by_npm(name: str, home: Path) -> bool:
    say(f"making the environment {home}")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    package = {"private": True, "type": "module", "dependencies": OF_NPM[name]}
    (home / "package.json").write_text(json.dumps(package), encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    done = subprocess.run(command, cwd=home, check=False)
    if done.returncode:
        say(f"npm failed in {home}: {' '.join(command)}")
    return done.returncode == 0


def _wanted(name: str) -> str:
    return json.dumps(OF_NPM.get(name) or OF_PIP[name])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
