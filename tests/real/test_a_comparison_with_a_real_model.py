"""A language model behind a real server against a classifier of this process, on tickets."""

import json
import shutil
from pathlib import Path

import pytest

from cli.commands import here

pytestmark = pytest.mark.real

TICKETS = Path(__file__).parents[1] / "data" / "tickets"
# What the language model was trained to be asked.
CONFIGURATION = """
version: 1
deployments:
  classifier: {{backend: builtin/classify}}
  nano: {{backend: openai, profile: llama-cpp-python, model: nano, url: "{url}/v1", hosting: self,
         price: {{input: 0, output: 0}}, limits: {{concurrency: 1, context_tokens: 512}}}}
tasks:
  triage:
    prompt: "Triage this email (JSON: category, priority).\\n\\n{{{{ text }}}}"
    output:
      schema:
        type: object
        properties:
          category: {{enum: {categories}}}
          priority: {{enum: [low, normal, high, urgent]}}
        required: [category, priority]
        additionalProperties: false
    examples: learned.jsonl
    max_output_tokens: 40
    limits: {{reasks: 0}}
    candidates: [classifier]
"""


@pytest.fixture
def folder(llama_cpp_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("learned.jsonl", "examined.jsonl"):
        shutil.copy(TICKETS / name, tmp_path)
    lines = (TICKETS / "learned.jsonl").read_text().splitlines()
    categories = sorted({json.loads(line)["expected"]["category"] for line in lines})
    text = CONFIGURATION.format(url=llama_cpp_url, categories=json.dumps(categories))
    (tmp_path / "aihandler.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_says_which_is_good_enough(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aihandler = here(capsys)
    compare = (
        "compare",
        "triage",
        "--deployments",
        "nano,classifier",
        "--data",
        "examined.jsonl",
        "--limit",
        "20",
    )
    done = aihandler(*compare, "--repeat", "2", "--budget", "0.01", "--html", "page.html", "--json")
    assert done.code == 0, done.err
    found = {d["deployment"]: d for d in done.json["findings"]["deployments"]}
    assert done.json["comparison"]["scorer"] == "json-f1"
    assert [found[name]["answers"] for name in ("nano", "classifier")] == [40, 40]
    # Templates that neither was trained on: each is right more often than chance would be.
    assert found["nano"]["score"] > 0.3
    assert found["classifier"]["score"] > 0.3
    # At temperature 0, by one thread at a time, this server says the same again.
    assert found["nano"]["consistency"]["flips"] == 0
    assert "nano" in (folder / "page.html").read_text()
    # The language model is not asked twice for what it has said.
    again = aihandler(*compare, "--repeat", "2", "--json")
    assert "40 known from before" in again.err
    assert again.json["findings"]["pairs"] == done.json["findings"]["pairs"]
