"""No text and no schema makes the extractor raise, hang or invent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.builtin.extract import extract
from aihandler.backends.builtin.extraction import wishes
from aihandler.backends.builtin.extraction.page import MAX_CHARS
from aihandler.backends.builtin.summarise import summarise

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
LINE = {"description": TEXT, "quantity": NUMBER, "unit_price": NUMBER, "amount": NUMBER}
NAMES = (
    "vendor customer invoice_number date due_date currency net tax total amount_due iban vat_id "
    "email phone website order_number tax_rate notice_period"
)
SCHEMA = {
    "type": "object",
    "properties": {
        **dict.fromkeys(NAMES.split(" "), TEXT),
        "lines": {"type": "array", "items": {"type": "object", "properties": LINE}},
    },
}
PIECES = st.sampled_from(
    [*"0123456789.,-/|:€$%()<>&;\n\t #'", "Total", "Invoice no", "Date", "VAT", "Bill to", "x ",
     "EUR", "12.50", "1,234.56", "01/02/2024", "<td>", "</tr>", "&nbsp;",
     "Qty | Description | Amount\n", "Seller: ", "Ltd", "INV-77", "\u00a0", "ß", "İ", "Net", "3 x ",
     "@", "Subject: ", "> "]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYWORDS = st.sampled_from(
    ["type", "properties", "items", "enum", "anyOf", "$ref", "format", "title", "total", "lines",
     "date", "object", "array", "#/properties", "minimum", "const", "description", "required"]
)  # fmt: skip
SCHEMAS = st.recursive(
    st.none() | st.integers() | KEYWORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_gives_json_whose_values_stand_in_the_text(text):
    extraction = extract(text, SCHEMA)
    json.dumps(extraction.value)
    assert (extraction.confidence is None) == (extraction.value == {})
    for start, end in extraction.found.values():
        assert 0 <= start < end <= len(text)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYWORDS, SCHEMAS, max_size=4) | st.dictionaries(st.text(max_size=9), JSON))
def test_any_schema_is_read_without_an_error(schema):
    extract(
        "Invoice no. 7\nDate: 1 May 2024\nTotal: 5.00 EUR\nItem | Qty | Price\na | 1 | 5.00", schema
    )


def test_a_schema_that_refers_to_itself_ends():
    extract("Total: 5.00", {"$ref": "#"})
    extract("Total: 5.00", {"properties": {"a": {"$ref": "#/properties/a"}, "b": {"$ref": "#"}}})


ADVERSARIES = [
    "1", "1 ", "111,", " ", "Total ", "Total 1,234.56 ", "| ", "\n", "<", "<div ", "<!--",
    "<td>1<br>", "a@", "DE89", "Bill to:\n", "3 x Licence 76.67\n", "Item | Qty | Amount\n",
    "01/02/2024 ", "From: a@b\n", "(", "On a ", "a-",
]  # fmt: skip


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_page_of_one_thing_is_read_to_its_end(piece):
    text = piece * (10_000 // len(piece))
    extract(text, SCHEMA)
    summarise(text)


@pytest.mark.nightly
@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_megabyte_of_one_thing_is_read_to_the_limit(piece):
    extract(piece * (1_000_000 // len(piece)), SCHEMA)
    summarise(piece * (1_000_000 // len(piece)))


def test_what_stands_behind_the_limit_is_not_read():
    schema = {"properties": {"total": NUMBER}}
    assert extract(" " * MAX_CHARS + "Total: 5.00", schema).value == {}
    assert extract(" " * (MAX_CHARS - 100) + "\n" + "Total: 5.00", schema).value == {"total": 5}


def test_references_that_multiply_are_looked_at_up_to_a_bound(monkeypatch):
    looked_at = 0
    resolved = wishes._Reader._resolved

    def counted(reader, schema, steps=0):
        nonlocal looked_at
        looked_at += 1
        return resolved(reader, schema, steps)

    monkeypatch.setattr(wishes._Reader, "_resolved", counted)
    parts = {
        f"d{n}": {"properties": {f"k{k}": {"$ref": f"#/$defs/d{n + 1}"} for k in range(10)}}
        for n in range(7)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": {**parts, "d7": {"type": "object"}}}
    assert wishes.read_wishes(schema) == ()
    assert looked_at < 50_000
