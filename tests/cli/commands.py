"""Runs `aihandler` as a user does: in this process for what it prints, else as a program."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aihandler.cli import main

# A company's few documents, and models of this process: nothing to fetch, nothing to train.
CONFIGURATION = """
version: 1
deployments:
  reader: {backend: builtin/extract, agreements: [no_training]}
  summariser: {backend: builtin/summarise, agreements: [no_training]}
  gpt:
    backend: openai
    model: gpt-5-mini
    url: https://api.openai.com/v1
    key: ${OPENAI_API_KEY}
    hosting: vendor
    provider: openai
    region: us
    agreements: [no_training]
    price: {input: 0.25, output: 2}
policy:
  public: {hosting: [self, managed, vendor], agreements: [no_training]}
  internal: {hosting: [self, managed, vendor], agreements: [no_training]}
  restricted: {hosting: self}
tasks:
  total:
    output:
      schema:
        type: object
        properties: {invoice_number: {type: string}, total: {type: number}}
        required: [invoice_number, total]
    candidates: [reader, gpt]
    otherwise: review
  line:
    output: {text: {max_chars: 120}}
    candidates: [summariser]
workflows:
  office:
    steps: [total, line]
"""
DOCUMENTS = {
    "bill.txt": "Invoice number: INV-77\nBrown Ltd\n\nTotal: 120.50 EUR\n",
    "secret.txt": "Class: restricted\nInvoice number: INV-78\n\nTotal: 9.00 EUR\n",
    "note.txt": "The printers in Dover are down again. The driver was not the cause.\n",
}


class Ran(msgspec.Struct, frozen=True):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


def fill(folder: Path, configuration: str = CONFIGURATION) -> Path:
    """Writes a configuration and its documents."""
    (folder / "aihandler.yaml").write_text(configuration)
    documents = folder / "documents"
    documents.mkdir()
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(text)
    return folder


def here(capsys: pytest.CaptureFixture[str]) -> Command:
    """A command in this process and its current folder."""

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, told.out, told.err)

    return run


def program(*arguments: str, folder: Path, **options: Any) -> Ran:
    """A command as a program of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "aihandler", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def started(*arguments: str, folder: Path, **options: Any) -> "Iterator[subprocess.Popen[str]]":
    """A command that goes on while the test looks at it, and is gone when the test is."""
    with subprocess.Popen(
        [sys.executable, "-m", "aihandler", *arguments],
        cwd=folder,
        env={**environment(), **options.pop("env", {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def environment() -> dict[str, str]:
    """As on a bare machine: no keys."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
