"""Line items as columns, pipes, HTML tables and plain rows."""

import pytest

from aihandler.backends.builtin.extract import extract

SCHEMA = {
    "type": "object",
    "properties": {
        "line_items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "item": {"type": "string"},
                    "qty": {"type": "number"},
                    "price": {"type": "number"},
                    "line_total": {"type": "number"},
                },
            },
        }
    },
}
WANTED = [
    {"item": "Oak shelf", "qty": 2, "price": 40, "line_total": 80},
    {"item": "Brass hook", "qty": 10, "price": 1.5, "line_total": 15},
]


@pytest.mark.parametrize(
    "text",
    [
        "Description   Qty   Unit price   Amount\n"
        "Oak shelf       2        40.00    80.00\n"
        "Brass hook     10         1.50    15.00\n"
        "Total                            95.00",
        "Item | Qty | Price | Total\nOak shelf | 2 | 40.00 | 80.00\nBrass hook | 10 | 1.50 | 15.00",
        "<table><tr><th>Item</th><th>Qty</th><th>Price</th><th>Total</th></tr>"
        "<tr><td>Oak shelf</td><td>2</td><td>$40.00</td><td>$80.00</td></tr>"
        "<tr><td>Brass hook</td><td>10</td><td>$1.50</td><td>$15.00</td></tr></table>",
        "2 x Oak shelf @ 40.00 = 80.00\n10 x Brass hook @ 1.50 = 15.00\nTotal 95.00",
        "Qty Description Price Amount\n2 Oak shelf 40.00 80.00\n10 Brass hook 1.50 15.00",
        "Menge | Artikel | Einzelpreis | Betrag\n2 | Oak shelf | 40,00 | 80,00\n"
        "10 | Brass hook | 1,50 | 15,00\nGesamtbetrag | | | 95,00 €",
    ],
)
def test_items_are_read_from_every_usual_layout(text):
    assert extract(text, SCHEMA).value == {"line_items": WANTED}


def test_the_sums_under_a_table_are_no_items():
    text = (
        "Item | Qty | Price | Total\nOak shelf | 2 | 40.00 | 80.00\n"
        "Subtotal | | | 80.00\nVAT 20% | | | 16.00\nTotal | | | 96.00"
    )
    assert extract(text, SCHEMA).value["line_items"] == WANTED[:1]


def test_one_number_a_row_is_a_price_when_the_rows_then_come_to_the_net():
    rows = "3 x Repair 10.00\n2 x Cable 5.00\n"
    priced = extract(rows + "Net: 40.00", SCHEMA).value["line_items"]
    summed = extract(rows + "Net: 15.00", SCHEMA).value["line_items"]
    assert [row.get("price") for row in priced] == [10, 5]
    assert [row.get("line_total") for row in summed] == [10, 5]


def test_rows_that_come_to_nothing_known_are_left_out():
    assert extract("3 x Repair 10.00\n2 x Cable 5.00\nNet: 99.00", SCHEMA).value == {}


def test_an_amount_that_is_not_written_is_not_computed():
    text = "Item | Qty | Price\nOak shelf | 2 | 40.00"
    assert extract(text, SCHEMA).value == {
        "line_items": [{"item": "Oak shelf", "qty": 2, "price": 40}]
    }


def test_a_row_whose_numbers_disagree_lowers_the_confidence():
    head = "Item | Qty | Price | Total\n"
    right = extract(head + "Oak shelf | 2 | 40.00 | 80.00", SCHEMA)
    wrong = extract(head + "Oak shelf | 2 | 40.00 | 88.00", SCHEMA)
    assert wrong.confidence < 0.7 < right.confidence


def test_goods_may_be_named_on_the_line_above_their_numbers():
    text = "Oak shelf\n  2 x 40.00   80.00\nBrass hook\n  10 x 1.50   15.00\nTotal 95.00"
    assert extract(text, SCHEMA).value == {"line_items": WANTED}


def test_a_discount_and_shipping_are_no_goods():
    text = (
        "- 2 x Oak shelf @ 40.00 = 80.00\n- 10 x Brass hook @ 1.50 = 15.00\n"
        "- discount: -5.00\nCarriage 8.00\nNet 98.00 / VAT 19.60 (20%)\nTotal to pay: GBP 117.60"
    )
    assert extract(text, SCHEMA).value == {"line_items": WANTED}


def test_running_numbers_are_positions_and_no_quantities():
    text = "1  Oak shelf   80.00\n2  Brass hook   15.00\nTotal 95.00"
    assert extract(text, SCHEMA).value == {
        "line_items": [
            {"item": "Oak shelf", "line_total": 80},
            {"item": "Brass hook", "line_total": 15},
        ]
    }
