"""A small language model behind a real server: valid JSON is not yet a true answer."""

import asyncio
from pathlib import Path

import pytest

from aihandler.domain.answer import DocumentResult, Validity
from aihandler.errors import AnswerRejected
from aihandler.handler import Handler

pytestmark = pytest.mark.real

CONFIGURATION = """
version: 1
deployments:
  nano: {{backend: openai, profile: llama-cpp-python, model: nano, url: "{url}/v1", hosting: self,
         limits: {{concurrency: 1, context_tokens: 512}}}}
  reader: {{backend: builtin/extract}}
tasks:
  triage:
    prompt: "Which category and priority does this ticket have? Answer in JSON.\\n{{{{ text }}}}"
    output:
      schema:
        type: object
        properties: {{category: {{type: string}}, priority: {{enum: [low, normal, high]}}}}
        required: [category, priority]
        additionalProperties: false
    max_output_tokens: 40
    candidates: [nano]
  extract:
    prompt: "Extract vendor, invoice_number, date, total and currency as JSON.\\n{{{{ text }}}}"
    output:
      schema:
        type: object
        properties:
          vendor: {{type: string}}
          invoice_number: {{type: string}}
          date: {{type: string, format: date}}
          total: {{type: number}}
          currency: {{type: string}}
        required: [vendor, invoice_number, date, total, currency]
        additionalProperties: false
      grounded: true
    max_output_tokens: 120
    limits: {{reasks: 0}}
    candidates: [nano, reader]
  extract_by_nano_alone:
    prompt: "Extract vendor, invoice_number, date, total and currency as JSON.\\n{{{{ text }}}}"
    output: {{schema: {{type: object, required: [vendor, total]}}, grounded: true}}
    max_output_tokens: 120
    limits: {{reasks: 0}}
    candidates: [nano]
    otherwise: review
workflows:
  bills:
    steps: [extract]
"""
INVOICE = (
    "Seller: Ashgrove Paper Ltd\nInvoice no. INV-757193\nDate: 26 Jul 2022\n"
    "Net: 100.00\nVAT: 20.00\nTotal: EUR 120.00"
)


@pytest.fixture
def handler(llama_cpp_url: str, tmp_path: Path) -> Handler:
    file = tmp_path / "aihandler.yaml"
    file.write_text(CONFIGURATION.format(url=llama_cpp_url))
    return Handler.load(file)


def test_a_ticket_gets_a_valid_answer(handler: Handler) -> None:
    text = "To whom it may concern, the app does not load in my browser. It can wait."
    answer = handler.run_sync("triage", text=text)
    assert set(answer.value) == {"category", "priority"}
    assert answer.route == "nano"
    assert answer.attempts[0].usage is not None
    handler.close_sync()


def test_invented_values_are_not_accepted_and_the_next_model_is_asked(handler: Handler) -> None:
    async def run() -> DocumentResult:
        async with handler:
            return await anext(aiter(handler.map("bills", [INVOICE])))

    answer = asyncio.run(run()).steps["extract"].answer
    assert answer is not None
    assert (answer.validity, answer.route) == (Validity.ESCALATED, "reader")
    assert answer.value["invoice_number"] == "INV-757193"
    assert answer.value["total"] == 120.0
    # What the language model said was valid JSON of the right shape, and stood nowhere in the text.
    assert answer.attempts[0].outcome == "invalid"
    assert any("does not stand" in p or "source" in p for p in answer.attempts[0].problems)


def test_invented_values_alone_go_to_a_person(handler: Handler) -> None:
    with pytest.raises(AnswerRejected) as caught:
        handler.run_sync("extract_by_nano_alone", text=INVOICE)
    assert caught.value.review_id
    assert handler.ledger.queries.open_reviews()[0].id == caught.value.review_id
    handler.close_sync()
