"""`aihandler doctor`: servers that are not there, and servers that are not what they claim."""

from pathlib import Path

import pytest

from aihandler.backends.discovery import FoundServer
from aihandler.domain.deployment import Deployment
from aihandler.handler import Handler
from cli.commands import Command

LOCAL = """
version: 1
deployments:
  ours: {backend: openai, model: llama3, url: "http://127.0.0.1:9/v1", hosting: self, region: here}
tasks:
  note: {output: {text: true}, candidates: [ours]}
"""
RELAY = FoundServer("Ollama", "ollama", "http://127.0.0.1:9", ("llama3", "big:cloud"))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aihandler.yaml").write_text(LOCAL)
    return tmp_path


def finds(monkeypatch: pytest.MonkeyPatch, server: FoundServer) -> None:
    async def look_at(self: Handler, deployment: Deployment) -> FoundServer:
        return server

    monkeypatch.setattr(Handler, "look_at", look_at)


def relay(*relayed: str) -> FoundServer:
    return FoundServer(
        RELAY.name,
        RELAY.kind,
        RELAY.url,
        RELAY.models,
        relay="forwards these models to a cloud",
        relayed=relayed,
    )


def test_a_server_that_does_not_answer_is_an_error(local: Path, aihandler: Command) -> None:
    found = aihandler("doctor")
    assert found.code == 1
    assert "error    deployment ours: nothing answers at http://127.0.0.1:9/v1" in found.out


def test_a_self_hosted_model_that_is_forwarded_to_a_cloud_is_an_error(
    local: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds(monkeypatch, relay("llama3"))
    found = aihandler("doctor")
    assert found.code == 1
    assert "is `hosting: self`, and Ollama forwards these models to a cloud" in found.out


def test_a_model_of_its_own_beside_a_forwarded_one_is_in_order(
    local: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds(monkeypatch, relay("big:cloud"))
    assert aihandler("doctor").code == 0


def test_a_model_that_the_server_does_not_list_is_a_warning(
    local: Path, aihandler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds(monkeypatch, FoundServer("vLLM", "vllm", "http://127.0.0.1:9", ("other",)))
    found = aihandler("doctor", "--json")
    assert found.code == 0
    assert found.json[0]["state"] == "warning"
    assert "'llama3'" in found.json[0]["found"]
