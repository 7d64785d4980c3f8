"""Invoices, receipts and credit notes of many layouts, in three languages."""

import json
from collections import Counter
from pathlib import Path

import pytest

from aihandler.backends.builtin.extract import extract

FOLDER = Path(__file__).parent.parent / "data" / "extraction"
SCHEMA = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def leaves(value, pointer=""):
    match value:
        case dict():
            pairs = value.items()
        case list():
            pairs = enumerate(value)
        case _:
            return {pointer: value}
    return {k: v for key, each in pairs for k, v in leaves(each, f"{pointer}/{key}").items()}


def test_filled_fields_of_handwritten_documents_are_right():
    counts = Counter()
    mistakes = []
    for name, each in EXPECTED.items():
        got = leaves(extract((FOLDER / name).read_text(encoding="utf-8"), SCHEMA).value)
        want = leaves(each["expected"])
        for pointer in got.keys() | want.keys():
            if pointer not in got:
                counts["missing"] += 1
            elif got[pointer] == want.get(pointer):
                counts["right"] += 1
            else:
                mistakes.append((name, pointer, got[pointer], want.get(pointer)))
    filled = counts["right"] + len(mistakes)
    assert counts["right"] / filled >= 0.98, mistakes
    assert counts["right"] / (filled + counts["missing"]) >= 0.95


@pytest.mark.parametrize("name", EXPECTED)
def test_every_value_stands_where_the_extraction_says(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    extraction = extract(text, SCHEMA)
    assert set(leaves(extraction.value)) == set(extraction.found)
    for pointer, (start, end) in extraction.found.items():
        assert 0 <= start < end <= len(text), pointer
        value = leaves(extraction.value)[pointer]
        if pointer in {"/number", "/customer_number", "/po_number"}:
            assert text[start:end] == value


def test_a_letter_that_is_no_invoice_gives_nothing():
    for name in ("en_not_invoice.txt", "en_contract_page.txt"):
        extraction = extract((FOLDER / name).read_text(encoding="utf-8"), SCHEMA)
        assert (extraction.value, extraction.confidence) == ({}, None)
