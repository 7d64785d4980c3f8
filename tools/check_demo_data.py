"""Checks the demo's documents: that they are complete, labelled, fictitious, and add up.

    python tools/check_demo_data.py

Prints the counts, then every mistake; exit code 1 when there is one.
"""

import collections
import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from aihandler.domain.document import Document
from aihandler.workflow.readers import Unreadable, find_files, read_documents

FOLDER = Path(__file__).parent.parent / "src" / "aihandler" / "demo_data"
MAX_SIZE_BYTES = 1_000_000
CATEGORIES = {"billing", "technical", "account", "refund", "sales", "other"}
PRIORITIES = {"low", "normal", "high"}
# At least so many of each, so that the demo stays the one that its pages describe.
LEAST = {"mails": 55, "tickets": 115, "invoices": 75, "notes": 38}
SHARES = {
    "internal": (0.35, 0.55),
    "confidential": (0.18, 0.30),
    "restricted": (0.10, 0.20),
    "public": (0.12, 0.25),
}

_EMAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_URL = re.compile(r"https?://([\w.-]+)")
_RESERVED = re.compile(r"(?:^|\.)(?:example|example\.(?:com|org|net))$")
_PHONE = re.compile(r"(?:\+44 |\b0)\d{2,3} \d{3,4} \d{3,4}\b")
_FICTION_PHONE = re.compile(r"(?:\+44 |0)20 7946 0\d{3}$")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")

Row = Mapping[str, Any]


def main() -> int:
    """Prints what there is and what is wrong with it."""
    read = list(read_documents(find_files([FOLDER / "documents"])))
    documents = [d for d in read if isinstance(d, Document)]
    labels = [json.loads(line) for line in _lines(FOLDER / "labels.jsonl")]
    mistakes = [
        *(f"{d.id} cannot be read: {d.reason}" for d in read if isinstance(d, Unreadable)),
        *_size(),
        *_counts(documents),
        *_labels(documents, labels),
        *_sums(documents, labels),
        *_examples(documents),
        *(m for d in documents for m in _fiction(d.id, "\n".join(d.fields.values()))),
    ]
    _print_counts(documents, labels)
    for mistake in mistakes:
        print(f"mistake: {mistake}")
    return 1 if mistakes else 0


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]


def _size() -> Iterator[str]:
    size_bytes = sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file())
    if size_bytes > MAX_SIZE_BYTES:
        yield f"demo_data has {size_bytes} bytes, at most {MAX_SIZE_BYTES} are allowed"


def _counts(documents: list[Document]) -> Iterator[str]:
    kinds = collections.Counter(d.fields["kind"] for d in documents)
    for kind, least in LEAST.items():
        if kinds[kind] < least:
            yield f"{kinds[kind]} {kind}, at least {least} are wanted"
    classes = collections.Counter(_class(d) for d in documents)
    for name, (low, high) in SHARES.items():
        if not low <= classes[name] / len(documents) <= high:
            yield f"{classes[name]} of {len(documents)} are {name}, outside {low:.0%} to {high:.0%}"


def _class(document: Document) -> str:
    return document.data_class.value if document.data_class else "internal"


def _labels(documents: list[Document], labels: list[Row]) -> Iterator[str]:
    known = {d.id: d for d in documents}
    for doubled, times in collections.Counter(row["id"] for row in labels).items():
        if times > 1:
            yield f"{doubled} has {times} labels"
    if len(known) != len(documents):
        yield "two documents have the same id"
    yield from (f"{missing} has no label" for missing in known.keys() - {r["id"] for r in labels})
    for row in labels:
        document = known.get(row["id"])
        if document is None:
            yield f"{row['id']} is labelled and does not exist"
            continue
        stated = document.data_class.value if document.data_class else None
        if row["class"] != stated:
            yield f"{row['id']} says {stated}, its label says {row['class']}"
        yield from _expected(document, row)


def _expected(document: Document, row: Row) -> Iterator[str]:
    triage = row["expected"].get("triage")
    if (document.fields["kind"] in {"mails", "tickets"}) != (triage is not None):
        yield f"{document.id}: triage is labelled for mails and tickets, and only for them"
    elif triage and not (triage["category"] in CATEGORIES and triage["priority"] in PRIORITIES):
        yield f"{document.id}: {triage} is no triage"
    if (document.fields["kind"] == "invoices") != ("extract" in row["expected"]):
        yield f"{document.id}: extract is labelled for invoices, and only for them"


def _sums(documents: list[Document], labels: list[Row]) -> Iterator[str]:
    texts = {d.id: d.text for d in documents}
    for row in labels:
        invoice = row["expected"].get("extract")
        if invoice is None:
            continue
        adds_up = _adds_up(invoice)
        if adds_up == ("add up" in row.get("review", {}).get("extract", "")):
            yield f"{row['id']}: its sums {'do' if adds_up else 'do not'} add up"
        yield from _written(row["id"], invoice, texts.get(row["id"], ""))


def _adds_up(invoice: Row) -> bool:
    lines = sum(Decimal(str(line["amount"])) for line in invoice["lines"])
    net, tax = Decimal(str(invoice["net"])), Decimal(str(invoice["tax"]))
    extra = Decimal(str(invoice.get("shipping", 0))) - Decimal(str(invoice.get("discount", 0)))
    total = Decimal(str(invoice.get("total", net + tax)))
    return lines + extra == net and net + tax == total


def _written(document_id: str, invoice: Row, text: str) -> Iterator[str]:
    for key in ("vendor", "invoice_number"):
        if key in invoice and invoice[key] not in text:
            yield f"{document_id}: {key} {invoice[key]!r} does not stand in the text"
    digits = re.sub(r"(?<=\d)[.,\s](?=\d)", "", text)
    amounts = [("line", line["amount"]) for line in invoice["lines"]]
    amounts += [(k, invoice[k]) for k in ("net", "tax", "total", "discount") if k in invoice]
    for key, amount in amounts:
        if f"{abs(Decimal(str(amount))):.2f}".replace(".", "") not in digits:
            yield f"{document_id}: {key} {amount} does not stand in the text"


def _examples(documents: list[Document]) -> Iterator[str]:
    with (FOLDER / "triage_examples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {_plain(d.text) for d in documents}
    seen: set[str] = set()
    for row in rows:
        plain = _plain(row["text"])
        if row["category"] not in CATEGORIES or row["priority"] not in PRIORITIES:
            yield f"triage example {plain[:40]!r} has a label that is none"
        if plain in seen or any(plain in text for text in texts):
            yield f"triage example {plain[:40]!r} stands twice or in a document"
        seen.add(plain)
    for category in CATEGORIES:
        if sum(row["category"] == category for row in rows) < 50:
            yield f"fewer than 50 triage examples of {category!r}"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _fiction(document_id: str, text: str) -> Iterator[str]:
    for host in _EMAIL.findall(text) + _URL.findall(text):
        if not _RESERVED.search(host.lower()):
            yield f"{document_id}: {host!r} is no reserved domain"
    # An IBAN in groups of four holds what would pass for a telephone number.
    for phone in _PHONE.findall(_IBAN.sub("", text)):
        if not _FICTION_PHONE.match(phone):
            yield f"{document_id}: {phone!r} is no number kept for fiction"
    for iban in _IBAN.findall(text):
        compact = iban.replace(" ", "")
        if int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 != 1:
            yield f"{document_id}: the check digits of {iban!r} are wrong"


def _print_counts(documents: list[Document], labels: list[Row]) -> None:
    table = collections.Counter((d.fields["kind"], _class(d)) for d in documents)
    print(f"{'':10}" + "".join(f"{name:>14}" for name in SHARES))
    for kind in LEAST:
        print(f"{kind:10}" + "".join(f"{table[kind, name]:14}" for name in SHARES))
    unlabelled = sum(d.data_class is None for d in documents)
    reviews = sum("review" in row for row in labels)
    print(f"{len(documents)} documents, {unlabelled} of them without a class (internal)")
    print(f"{reviews} invoices for which no complete answer is right")
    for key in ("category", "priority"):
        triages = [row["expected"]["triage"][key] for row in labels if "triage" in row["expected"]]
        print(f"{key}: {dict(collections.Counter(triages).most_common())}")


if __name__ == "__main__":
    sys.exit(main())
