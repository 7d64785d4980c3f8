"""Configurations with prices and budgets, for tests."""

from pathlib import Path

HEAD = "version: 1\ndeployments:"
DEPLOYMENT = """
  {name}:
    backend: openai
    model: {name}-1
    url: "{url}"
    hosting: self
    profile: vllm
    {price}
"""
TASK = """
tasks:
  say:
    prompt: "Answer: {{ text }}"
    max_output_tokens: 100
    candidates: [%s]
policy:
  public: {hosting: [self, managed, vendor]}
  internal: {hosting: [self, managed, vendor]}
"""


def priced(usd: str) -> str:
    return f"price: {{input: {usd}, output: {usd}}}"


def configured(folder: Path, servers, budgets: str, *, prices=None, task=None) -> Path:
    """`servers` by name; each token costs 1 nano-dollar unless `prices` says otherwise."""
    rows = [
        DEPLOYMENT.format(
            name=name, url=server.url, price=(prices or {}).get(name, priced("0.001"))
        )
        for name, server in servers.items()
    ]
    candidates = ", ".join(servers) if task is None else task
    path = folder / "aihandler.yaml"
    path.write_text(HEAD + "".join(rows) + TASK % candidates + budgets)
    return path
