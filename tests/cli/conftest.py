"""A folder with a configuration and documents, and one in which a run is through."""

from pathlib import Path

import pytest

from cli.commands import Command, fill, here


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: configured, nothing run yet."""
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path)


@pytest.fixture
def aihandler(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process."""
    return here(capsys)


@pytest.fixture
def ran(folder: Path, aihandler: Command) -> Path:
    """The current folder after one run: two totals, one of them in review, three lines."""
    aihandler("run", "office", "--input", "documents", "--json")
    return folder
