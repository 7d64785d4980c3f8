"""Claude Code itself before a gateway, with a server of ours behind it: it reads a file and tells.

Nothing of it leaves the machine: its one address is the gateway's, and what it would send beside
requests is switched off by its own settings.
"""

import json
import subprocess

import prepare_clients
import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.messages_upstream import calling, text, upstream
from gateway.running import POLICY
from gateway.serving import run, serving

pytestmark = pytest.mark.real

CONFIGURATION = """
version: 1
deployments:
  far: {{backend: anthropic, url: "{far}", model: far-1, hosting: self}}
  near: {{backend: openai, url: "{near}", model: near-1, hosting: self, profile: vllm}}
aliases: {{claude-sonnet-4-6: far, claude-haiku-4-5: near}}
"""
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    # An unknown key would be tried for minutes.
    "CLAUDE_CODE_MAX_RETRIES": "1",
}


@pytest.fixture
def program():
    if not prepare_clients.is_prepared("claude_code"):
        pytest.skip("Claude Code is not there: run tools/prepare_clients.py")
    home = prepare_clients.clients_folder() / "claude_code" / "node_modules" / "@anthropic-ai"
    found = [path for path in home.glob("claude-code-*/claude") if path.is_file()]
    if not found:
        pytest.skip("there is no Claude Code for this system")
    return found[0]


@pytest.fixture
def house(tmp_path):
    """A folder with a note, and a gateway with a key before two servers."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "note.txt").write_text("plums\n")
    note = str(work / "note.txt")

    def far_speaks(asked):
        if "tool_result" in json.dumps(asked["messages"][-1]):
            return said_of(asked)
        return [text("I will look."), calling("Read", {"file_path": note})]

    def near_speaks(asked):
        if any(message["role"] == "tool" for message in asked["messages"]):
            return said_of(asked)
        function = {"name": "Read", "arguments": json.dumps({"file_path": note})}
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        return streaming(call)

    with upstream(far_speaks) as far, FakeServer(near_speaks) as near:
        written = CONFIGURATION.format(far=far.url, near=near.url) + POLICY
        (tmp_path / "aihandler.yaml").write_text(written)
        key = run(tmp_path, "keys", "create", "ann").split()[-1]
        with serving(tmp_path) as served:
            yield served, key, work, far


def said_of(asked):
    """The model has read the note, or it has not."""
    return "It says plums." if "plums" in json.dumps(asked["messages"][-1]) else "I cannot read."


def streaming(call):
    delta = {"role": "assistant", "content": None, "tool_calls": [call]}
    pieces = [{"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": "tool_calls"}]
    lines = [
        json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, **piece}]})
        for piece in pieces
    ]
    body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
    return Scripted(body=body, headers={"content-type": "text/event-stream"})


def asked_of(program, served, work, *, key, model):
    """What the program prints of its turn."""
    home = served.folder / "home"
    home.mkdir(exist_ok=True)
    # Nothing of this machine's own settings.
    environment = {
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home),
        "TMPDIR": str(home),
        "PATH": "/usr/bin:/bin",
        "ANTHROPIC_BASE_URL": served.url,
        "ANTHROPIC_AUTH_TOKEN": key,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-4-5",
        **QUIET,
    }
    command = [str(program), "-p", "What does note.txt say?", "--output-format", "json"]
    done = subprocess.run(
        [*command, "--allowedTools", "Read"],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return json.loads(done.stdout or "{}") | {"stderr": done.stderr, "code": done.returncode}


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-haiku-4-5"])
def test_it_reads_a_file_and_tells_what_it_says(program, house, model):
    served, key, work, _ = house
    told = asked_of(program, served, work, key=key, model=model)
    assert (told["code"], told.get("result")) == (0, "It says plums."), told
    assert told["num_turns"] == 2
    outcomes = [outcome for _, _, outcome in served.entries()]
    assert outcomes.count("valid") == 2, outcomes


def test_it_shows_a_refusal_of_the_server_in_the_servers_words(program, house):
    from gateway.messages_upstream import error

    served, key, work, far = house
    far.speaks = lambda _: error(400, "invalid_request_error", "plums are out of season")
    told = asked_of(program, served, work, key=key, model="claude-sonnet-4-6")
    assert told["is_error"]
    assert "plums are out of season" in told["result"]


def test_it_says_that_a_key_is_not_known(program, house):
    served, _, work, _ = house
    told = asked_of(program, served, work, key="ahk_wrong", model="claude-sonnet-4-6")
    assert told["is_error"]
    assert "/login" in told["result"]
