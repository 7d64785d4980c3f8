import pytest
from judging import judged

from aihandler.validation.source import Source

INVOICE = """From: Müller & Söhne GmbH <billing@mueller.example>
Invoice INV-2025-12, dated 26 August 2025. Order 112-B.
Qty 3   Widget “Large”   €1.250,50
> Bank: DE89 3704 0044 0532 0130 00
> Call +49 (30) 123 456-78
Total due: EUR 17.091,26 (VAT 19 %), discount -12.00
Pay by 09/30/2025 at 2:30 pm. Tax 17 091,20. Approved: yes.
"""
SOURCE = Source(INVOICE)


@pytest.mark.parametrize(
    "text",
    [
        "Müller & Söhne GmbH",
        "MUELLER.example",
        "müller  &\nsöhne gmbh",
        "INV-2025-12",
        "inv-2025-12",
        "2025-08-26",
        "26.08.2025",
        "Aug 26, 2025",
        "26th August 2025",
        "08/26/2025",
        "2025-08-26T00:00:00",
        "2025-09-30",
        "2025-09-30T14:30:00Z",
        "30 Sept 2025",
        'Widget "Large"',
        "17,091.26",
        "17091.26",
        "EUR 17,091.26",
        "17.091,26 €",
        "EUR",
        "€",
        "1250.50",
        "1,250.50 EUR",
        "DE89370400440532013000",
        "+49 30 12345678",
        "112-B",
        "billing@mueller.example",
        "19%",
        "Bank: DE89",
    ],
)
def test_the_same_thing_written_otherwise_is_found(text):
    assert SOURCE.holds_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "INV-2025-1",
        "INV-2025",
        "12-B",
        "112",
        "2025-08-27",
        "2025-08-26T10:30:00",
        "USD",
        "$",
        "USD 17,091.26",
        "17091",
        "1709126",
        "Miller",
        "ller & S",
        "DE8937040044053201300",
        "17,091.27",
        "Widget Larg",
        "2026-08-26",
        "26 August 2024",
        "mueller.exampl",
    ],
)
def test_what_only_looks_like_it_is_not_found(text):
    assert not SOURCE.holds_text(text)


@pytest.mark.parametrize("number", [3, 17091.26, 1250.5, 19, 0.19, 12, -12, -12.0, 17091.2, 2025])
def test_numbers_are_found_in_any_usual_form(number):
    assert SOURCE.holds_number(number)


@pytest.mark.parametrize("number", [112, 11, 1, -3, 26, 8, 17091.27, 1709126, 0.3, 2024, 890, 44.5])
def test_numbers_inside_of_names_dates_and_other_numbers_do_not_count(number):
    assert not SOURCE.holds_number(number)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,234,567.89", 1234567.89),
        ("1.234.567,89", 1234567.89),
        ("1'234.50", 1234.5),
        ("12,34,567", 1234567),
        ("1\u00a0234\u00a0567", 1234567),
        ("2.5 million", 2500000),
        ("$12k", 12000),
        ("(45.00)", -45),
        ("-$45", -45),
        ("\u2212\u00a07,5", -7.5),
        ("USD45", 45),
        ("x12", 12),
        ("three boxes", 3),
        ("1.500", 1500),
        ("1.500", 1.5),
        ("12kg", 12),
        ("5-10", 5),
        ("0.10", 0.1),
        ("1e", 1),
    ],
)
def test_figures_are_read_in_every_usual_form(written, number):
    assert Source(f"it says {written} here").holds_number(number)


@pytest.mark.parametrize("written", ["112", "1.12", "12.5", "A12", "INV-12", "2012", "12/05/2024"])
def test_twelve_is_not_found_in_other_figures(written):
    assert not Source(f"it says {written} here").holds_number(12)


@pytest.mark.parametrize(
    "written",
    [
        "3. März 2024",
        "3 mars 2024",
        "03/03/2024",
        "20240303",
        "3-Mar-24",
        "2024/03/03",
        "March 3rd, 2024",
        "2024年3月3日",
        "3 de marzo de 2024",
        "Mar 3 2024",
        "3.3.24",
        "2024-03-03T10:00:00",
    ],
)
def test_dates_are_read_in_every_usual_form(written):
    assert Source(f"due {written}, thanks").holds_text("2024-03-03")


SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "total": {"type": "number"},
        "kind": {"$ref": "#/$defs/kind"},
        "paid": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
        "lines": {"type": "array", "items": {"type": "object"}},
    },
    "$defs": {"kind": {"enum": ["goods", "service"]}},
}


def test_each_value_that_is_not_in_the_source_is_a_problem():
    text = '{"number": "INV-7", "total": 99.5, "kind": "goods", "paid": false, "note": null}'

    verdict = judged(text, SCHEMA, source="Invoice INV-8, total 99.50", grounded=("/",))

    assert verdict.state == "invalid"
    assert [(p.pointer, p.kind) for p in verdict.problems] == [("/number", "grounding")]


def test_choices_of_the_schema_and_booleans_need_no_ground_unless_they_are_named():
    text = '{"kind": "goods", "paid": false}'

    assert judged(text, SCHEMA, source="nothing", grounded=("/",)).ok
    verdict = judged(text, SCHEMA, source="nothing", grounded=("/kind", "/paid"))
    assert [p.pointer for p in verdict.problems] == ["/kind", "/paid"]


def test_a_star_stands_for_each_item():
    text = '{"lines": [{"amount": 5, "x": 1}, {"amount": 6}, {"amount": 77}]}'

    verdict = judged(text, SCHEMA, source="5 and 6", grounded=("/lines/*/amount",))

    assert [p.pointer for p in verdict.problems] == ["/lines/2/amount"]


def test_problems_never_quote_the_value():
    verdict = judged('{"number": "SECRET-1"}', SCHEMA, source="", grounded=("/number",))

    assert "SECRET" not in str(verdict.problems)
