"""schemathesis asks a gateway what its description says may be asked, and what it says may not."""

import json
import subprocess
import urllib.request

import prepare_clients
import pytest

from aihandler.gateway.openapi import document
from aihandler.testing import FakeServer
from gateway.messages_upstream import upstream
from gateway.running import POLICY
from gateway.serving import run, serving

pytestmark = pytest.mark.real

CONFIGURATION = """
version: 1
deployments:
  far: {{backend: anthropic, url: "{far}", model: far-1, hosting: self}}
  near: {{backend: openai, url: "{near}", model: near-1, hosting: self, profile: vllm}}
  vectors: {{backend: openai, url: "{near}", model: v-1, hosting: self, serves: embeddings}}
tasks:
  reply: {{output: {{text: {{}}}}, candidates: [near, far]}}
"""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
# As many examples and seconds as a gate can wait for; the seed makes a run come out alike.
BOUNDS = ("--max-examples=40", "--max-time=100", "--seed=1", "--phases=coverage,fuzzing")


@pytest.fixture
def gateway(tmp_path):
    with upstream(lambda _: "Hello.") as far, FakeServer("Hello.", keep_bytes=False) as near:
        text = CONFIGURATION.format(far=far.url, near=near.url) + POLICY
        (tmp_path / "aihandler.yaml").write_text(text)
        key = run(tmp_path, "keys", "create", "ann").split()[-1]
        with serving(tmp_path) as served:
            yield served, key


def test_what_is_described_is_what_happens(gateway, tmp_path):
    if not prepare_clients.is_prepared("schemathesis"):
        pytest.skip("schemathesis is not there: run tools/prepare_clients.py")
    served, key = gateway
    described = tmp_path / "described.json"
    _, headers, _ = served.ask(key=key)
    known = with_names(told(served.url), call=headers["x-aihandler-call"])
    described.write_text(json.dumps(known))
    done = subprocess.run(
        [
            prepare_clients.clients_folder() / "schemathesis" / "bin" / "schemathesis",
            *("run", described, "--url", served.url, "--header", f"Authorization: Bearer {key}"),
            *("--checks", ",".join(CHECKS), *BOUNDS, "--no-shrink", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    # It has seen answers of models, not refusals alone.
    answered = [entry for entry in served.entries() if entry[2] == "valid"]
    assert len(answered) > 50


def test_the_description_is_openapi(tmp_path):
    if not prepare_clients.is_prepared("schemathesis"):
        pytest.skip("schemathesis is not there: run tools/prepare_clients.py")
    described = tmp_path / "described.json"
    described.write_text(json.dumps(document()))
    python = prepare_clients.clients_folder() / "schemathesis" / "bin" / "python"
    # It carries the official schema of OpenAPI 3.1.
    code = (
        "import json, sys\n"
        "from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR as official\n"
        "official.validate(json.load(open(sys.argv[1])))"
    )
    subprocess.run([python, "-c", code, described], check=True, timeout=60)


def told(url):
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=20) as reply:
        return json.load(reply)


def with_names(described, *, call):
    """What no description can know: which models, and which calls, there are."""
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Request"):
            vectors = name == "EmbeddingRequest"
            names = ["vectors"] if vectors else ["near", "far", "reply"]
            schema["properties"]["model"]["enum"] = names
            if "n" in schema["properties"]:
                # Deployments give several answers, tasks one.
                schema["if"] = {"properties": {"model": {"const": "reply"}}}
                schema["then"] = {"properties": {"n": {"enum": [1, None]}}}
    parameters = described["components"]["parameters"]
    parameters["name"]["schema"]["enum"] = ["near", "far"]
    parameters["id"]["schema"]["enum"] = [call]
    # One key for many requests is refused, as it should be, and hides what else a request does.
    del parameters["idempotency"]
    for path in described["paths"].values():
        for operation in path.values():
            given = operation.get("parameters", [])
            given[:] = [one for one in given if not one["$ref"].endswith("/idempotency")]
    return described
