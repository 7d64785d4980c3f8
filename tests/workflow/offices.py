"""A workflow over a fake server that answers by what stands in the document."""

import json
from pathlib import Path
from typing import Any

from aihandler.domain.answer import DocumentResult
from aihandler.handler import Handler

CONFIGURATION = """
version: 1
deployments:
  model: {{backend: openai, model: m, url: "{url}/v1", hosting: self,
          price: {{input: 1, output: 2}}}}
keys:
  clerk: {{ceiling: internal, tenant: acme}}
tasks:
  triage:
    prompt: "TRIAGE {{{{ text }}}}"
    output: {{label: [billing, bug]}}
    candidates: [model]
    otherwise: review
    limits: {{reasks: 0}}
  total:
    prompt: "TOTAL {{{{ text }}}}"
    output:
      schema:
        type: object
        properties: {{net: {{type: number}}, total: {{type: number}}}}
        required: [total]
      arithmetic: ["net <= total"]
    candidates: [model]
    otherwise: review
    limits: {{reasks: 0}}
  reply:
    prompt: "REPLY {{{{ kind }}}}: {{{{ text }}}}"
    input: [text, kind]
    output: {{text: true}}
    candidates: [model]
workflows:
  office:
    steps:
      - triage
      - {{task: total, when: triage == 'billing'}}
      - {{task: reply, reads: {{kind: triage, text: document.text}}}}
      - {{check: "total.total < 1000", name: small, when: triage == 'billing'}}
      - {{function: "rules:enrich", name: enriched, uses: [triage]}}
  simple:
    steps: [triage]
  secret:
    class: confidential
    steps: [triage, {{task: reply, reads: {{kind: triage, text: document.text}}}}]
"""
RULES = """
def enrich(document, results):
    if "broken" in document.text:
        raise RuntimeError("no")
    return {"seen": sorted(results), "length": len(document.text)}
"""


def answer(request: dict[str, Any]) -> str:
    asked = request["messages"][-1]["content"]
    if asked.startswith("TRIAGE"):
        if "unclear" in asked:
            return "no idea"
        return "billing" if "invoice" in asked else "bug"
    if asked.startswith("TOTAL"):
        return json.dumps({"net": 10, "total": 5000 if "huge" in asked else 12})
    return f"Dear {asked.partition(':')[0].removeprefix('REPLY ')} friend"


def office(folder: Path, url: str) -> Handler:
    (folder / "rules.py").write_text(RULES)
    (folder / "aihandler.yaml").write_text(CONFIGURATION.format(url=url))
    return Handler.load(folder / "aihandler.yaml")


async def run(handler: Handler, workflow: str, *texts: str, **options: Any) -> list[DocumentResult]:
    documents = [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    async with handler:
        results = [r async for r in handler.map(workflow, documents, **options)]
    return sorted(results, key=lambda r: r.document_id)
