"""`aihandler init`, `config schema` and `completion`: from an empty folder to a first run."""

import json
from pathlib import Path

import pytest

from aihandler.backends.discovery import FoundServer
from aihandler.cli import discovering
from cli.commands import Command

OLLAMA = FoundServer("Ollama", "ollama", "http://127.0.0.1:11434", ("llama3.2:3b",), "0.9")
LLAMA = FoundServer("llama.cpp", "llama-cpp", "http://127.0.0.1:8080", ("tiny",))
OTHER_LLAMA = FoundServer("llama.cpp", "llama-cpp", "http://127.0.0.1:8081", ("small",))
EMPTY = FoundServer("vLLM", "vllm", "http://127.0.0.1:8000")
ODD = FoundServer("OpenAI-like server", "generic", "http://127.0.0.1:5000", ('a "b": {c}\n',))
RELAY = FoundServer("LiteLLM", "generic", "http://127.0.0.1:4000", ("x",), relay="forwards")
PARTLY = FoundServer(
    "Ollama",
    "ollama",
    "http://127.0.0.1:11434",
    ("big:cloud", "llama3.2:3b"),
    relay="forwards these models to a cloud",
    relayed=("big:cloud",),
)
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(monkeypatch: pytest.MonkeyPatch, *servers: FoundServer) -> None:
    async def find() -> list[FoundServer]:
        return list(servers)

    monkeypatch.setattr(discovering, "find_servers", find)


@pytest.mark.parametrize(
    "servers",
    [(), (OLLAMA,), (LLAMA, OTHER_LLAMA), (EMPTY,), (ODD,), (RELAY,), (PARTLY, LLAMA)],
    ids=["none", "one", "two of a kind", "no model", "odd name", "relay", "partly a relay"],
)
@pytest.mark.parametrize("keys", [(), KEYS[:1], KEYS], ids=["no key", "one key", "all keys"])
def test_what_init_writes_is_accepted_by_check(
    empty: Path,
    aihandler: Command,
    monkeypatch: pytest.MonkeyPatch,
    servers: tuple[FoundServer, ...],
    keys: tuple[str, ...],
) -> None:
    found(monkeypatch, *servers)
    for key in keys:
        monkeypatch.setenv(key, "not-a-real-key")
    assert aihandler("init").code == 0
    checked = aihandler("check")
    assert checked.code == 0, checked
    assert "no errors" in checked.out


def test_init_names_what_it_found_and_what_to_do_next(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, OLLAMA, RELAY)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    told = aihandler("init").out
    assert "found Ollama at http://127.0.0.1:11434: llama3.2:3b" in told
    assert "found LiteLLM at http://127.0.0.1:4000" in told
    assert "found OPENAI_API_KEY in the environment" in told
    assert "next: `aihandler check`" in told


def test_a_key_is_named_in_the_file_and_never_written(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    aihandler("init")
    text = Path("aihandler.yaml").read_text()
    assert "${OPENAI_API_KEY}" in text
    assert "not-a-real-key" not in text


def test_a_relay_is_never_written_as_self(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, RELAY, PARTLY)
    aihandler("init")
    text = Path("aihandler.yaml").read_text()
    assert "4000" in text
    assert "left it out" in text
    assert "model: big:cloud" not in text


def test_init_leaves_a_file_that_is_there_alone(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch)
    Path("aihandler.yaml").write_text("mine")
    assert aihandler("init").code == 2
    assert Path("aihandler.yaml").read_text() == "mine"
    assert aihandler("init", "--force").code == 0


def test_init_json_says_what_was_found(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, OLLAMA)
    written = aihandler("init", "--json").json
    assert written["file"] == "aihandler.yaml"
    assert written["servers"][0]["models"] == ["llama3.2:3b"]


def test_the_schema_that_editors_read_is_written_beside_it(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch)
    aihandler("init")
    first = Path("aihandler.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./aihandler.schema.json"
    assert (
        json.loads(Path("aihandler.schema.json").read_text()) == aihandler("config", "schema").json
    )


def test_a_new_folder_runs_its_workflow_at_once(
    empty: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch)
    aihandler("init")
    Path("mails").mkdir()
    Path("mails/one.txt").write_text("I was charged twice for my invoice, please refund me.")
    ran = aihandler("run", "summarise", "--input", "mails", "--json")
    assert ran.code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(aihandler: Command, shell: str) -> None:
    assert "_AIHANDLER_COMPLETE" in aihandler("completion", shell).out
