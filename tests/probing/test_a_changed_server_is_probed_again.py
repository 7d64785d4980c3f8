"""Which server answers is asked without asking for an answer; a change makes a probe due."""

import asyncio

import pytest
from click.testing import CliRunner

from aihandler import Handler
from aihandler.cli import cli
from aihandler.testing import FakeServer, Scripted
from probing.scripted_model import ScriptedModel, configured, probe


def pages(version="0.11.0", **model):
    return {
        "/version": {"version": version},
        "/v1/models": {"data": [{"id": "m-1", "owned_by": "vllm", **model}]},
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def due(folder, server):
    config = configured(folder, server.url)

    async def ask():
        async with Handler.load(config) as handler:
            return await handler.probe_is_due("near")

    before = server.calls
    why = asyncio.run(ask())
    assert server.calls == before
    return why


def test_one_that_was_never_probed_is_due(folder):
    with FakeServer(ScriptedModel(), pages=pages()) as server:
        assert due(folder, server) == "was never probed"


def test_one_that_is_what_it_was_is_not_due(folder):
    with FakeServer(ScriptedModel(), pages=pages()) as server:
        found = probe(folder, server)
        assert str(found.server) == "vLLM 0.11.0"
        assert due(folder, server) == ""


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (pages("0.12.0"), "its server is 'vLLM 0.12.0', probed was 'vLLM 0.11.0'"),
        (pages(root="other-weights"), "its list of models says something else"),
    ],
)
def test_one_that_has_become_another_is_due_and_doctor_says_so(folder, now, why):
    with FakeServer(ScriptedModel(), pages=pages()) as server:
        probe(folder, server)
        server._pages.update(now)
        assert due(folder, server).startswith(why)
        told = CliRunner().invoke(cli, ["doctor"]).output
        assert why in told
        assert "run `aihandler probe near`" in told


def test_one_whose_replies_bear_another_fingerprint_is_due(folder):
    mark = ["fp_1"]

    def marked(request):
        body = b'{"model": "m-1", "system_fingerprint": "%s", "choices": [{"message": {"content": "tea"}, "finish_reason": "stop"}]}'  # noqa: E501
        return Scripted(body=body % mark[0].encode())

    with FakeServer(marked, pages=pages()) as server:
        assert probe(folder, server).fingerprint == "fp_1"
        assert due(folder, server) == ""
        mark[0] = "fp_2"
        with Handler.load(folder / "aihandler.yaml") as handler:
            handler.run_sync("note", text="hello", data_class="public")
        assert "fingerprint 'fp_2', before 'fp_1'" in due(folder, server)


def test_one_that_does_not_answer_now_is_not_called_changed(folder):
    with FakeServer(ScriptedModel(), pages=pages()) as server:
        probe(folder, server)
        server._pages.clear()
        assert due(folder, server) == ""


def test_a_vendor_is_asked_for_its_models_alone(folder):
    with FakeServer(ScriptedModel(), pages=pages()) as server:
        config = configured(folder, server.url, hosting="vendor")
        text = config.read_text().replace("hosting: [self]", "hosting: [vendor]")
        config.write_text(text)

        async def ask():
            async with Handler.load(config) as handler:
                return await handler.probe("near")

        found = asyncio.run(ask())
        assert b"GET /v1/models" in server.received
        for path in (b"/version", b"/props", b"/openapi.json", b"/info"):
            assert b"GET %s" % path not in server.received
        assert found.server.version == ""
