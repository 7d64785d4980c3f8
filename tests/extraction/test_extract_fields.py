"""Single fields: what is taken, what is left out, and as which JSON value."""

import pytest

from aihandler.backends.builtin.extract import extract

DATE = {"type": "string", "format": "date"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}


def one(text, name, schema):
    return extract(text, {"type": "object", "properties": {name: schema}}).value.get(name)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Date: 2025-08-26", "2025-08-26"),
        ("Dated 26 Aug 2025", "2025-08-26"),
        ("Issued September 26, 2021", "2021-09-26"),
        ("on 24.07.2019 | Company Pariu Ltd | Reference: 21/1608", "2019-07-24"),
        ("Invoice date: 25/12/2024", "2024-12-25"),
        ("Invoice date: 12/25/2024", "2024-12-25"),
        ("Rechnungsdatum: 3. März 2024", "2024-03-03"),
        ("Date de facturation : 1er février 2025", "2025-02-01"),
        ("Invoice 77 of 12 May 2024", "2024-05-12"),
    ],
)
def test_dates_are_read_in_every_usual_writing(text, iso):
    assert one(text, "date", DATE) == iso


def test_a_date_whose_month_cannot_be_told_is_left_out():
    assert one("Date: 01/02/2024", "date", DATE) is None


def test_other_dates_of_the_document_settle_which_part_is_the_month():
    assert one("Date: 01/02/2024\nDue date: 28/02/2024", "date", DATE) == "2024-02-01"
    assert one("Date: 01/02/2024\nDue date: 02/28/2024", "date", DATE) == "2024-01-02"


def test_labels_of_another_language_settle_which_part_is_the_month():
    assert one(
        "Facture n° 7\nDate : 01/02/2024\nTVA 0,00\nÉchéance : 03/04/2024", "date", DATE
    ) == ("2024-02-01")


def test_a_date_that_does_not_exist_is_left_out():
    assert one("Date: 31.02.2024", "date", DATE) is None


def test_the_due_date_is_not_the_date():
    assert one("Due date: 28 Feb 2024", "date", DATE) is None
    assert one("Date: 1 Feb 2024\nPayment due: 28 Feb 2024", "due_date", DATE) == "2024-02-28"


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Total: 1,234.56", 1234.56),
        ("Gesamtbetrag: 1.234,56 EUR", 1234.56),
        ("Total TTC : 1 234,56 €", 1234.56),
        ("Total CHF 1'234.56", 1234.56),
        ("Amount due: £54.62", 54.62),
        ("Please pay $3431.96", 3431.96),
        ("TOTAL -156.00 USD", -156.0),
        ("Total | | 100.00", 100),
        ("The total amount due is 119.00 EUR.", 119),
        ("Total (EUR): 12,50", 12.5),
    ],
)
def test_totals_are_read_in_every_usual_writing(text, total):
    assert one(text, "total", NUMBER) == total


@pytest.mark.parametrize(
    "text",
    [
        "Subtotal: 100.00",
        "Net: 100.00\nVAT: 20.00",
        "Total items: 5",
        "Total savings: 4.00",
        "Invoice 4711, 12.50 EUR",
        "Total Care package 99.00",
        "Total",
    ],
)
def test_what_is_not_called_a_total_is_not_taken_for_one(text):
    assert one(text, "total", NUMBER) is None


def test_two_totals_that_nothing_tells_apart_are_left_out():
    assert one("Total: 100.00\nTotal: 130.00", "total", NUMBER) is None


def test_arithmetic_tells_two_totals_apart():
    text = "Total: 100.00\nVAT: 20.00\nTotal: 120.00"
    assert one(text, "total", NUMBER) == 120
    schema = {"type": "object", "properties": {"total": NUMBER}}
    agreeing = extract("Net: 100.00\nVAT: 20.00\nTotal: 120.00", schema)
    alone = extract("Total: 120.00", schema)
    contrary = extract("Net: 100.00\nVAT: 20.00\nTotal: 130.00", schema)
    assert agreeing.confidence > alone.confidence > contrary.confidence


def test_net_tax_and_total_are_kept_apart():
    text = "Summe netto 100,00\nzzgl. 19 % MwSt. 19,00\nZu zahlen 119,00 EUR"
    schema = {"properties": {"net_amount": NUMBER, "vat": NUMBER, "total_amount": NUMBER,
                             "tax_rate": NUMBER}}  # fmt: skip
    assert extract(text, schema).value == {
        "net_amount": 100, "vat": 19, "total_amount": 119, "tax_rate": 19,
    }  # fmt: skip


def test_an_amount_due_after_a_deposit_is_no_total():
    text = "Deposit paid: 40.00\nBalance due: 60.00"
    assert one(text, "total", NUMBER) is None
    assert one(text, "amount_due", NUMBER) == 60


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number"}, 120.5),
        ({"type": "string"}, "120.50"),
        ({"type": "integer"}, None),
        ({"type": ["number", "null"]}, 120.5),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, 120.5),
        ({"type": "number", "maximum": 100}, None),
    ],
)
def test_a_value_is_given_as_the_type_that_is_asked_for(schema, value):
    assert one("Total: 120.50", "total", schema) == value


def test_numbers_are_exact():
    assert repr(one("Total: 0.10 EUR", "total", NUMBER)) == "0.1"
    assert repr(one("Total: 12345678.93 EUR", "total", NUMBER)) == "12345678.93"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Total €5.00", "EUR"),
        ("Total £5.00", "GBP"),
        ("Total $5.00", "USD"),
        ("Total A$5.00", "AUD"),
        ("Total $5.00\nAll prices in AUD", "AUD"),
        ("Total 5.00", None),
        ("Price 4.00 GBP\nShipping 1.00 EUR\nTotal 5.00", None),
    ],
)
def test_the_currency_is_an_iso_code(text, code):
    assert one(text, "currency", TEXT) == code


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("invoice_number", "Invoice no. INV-757193", "INV-757193"),
        ("invoiceNumber", "Rechnung Nr. 2024/17 vom 03.02.2024", "2024/17"),
        ("number", "Company Ininpa LLC\nReference: 2026-8616", "2026-8616"),
        ("number", "No. 997521, $85.86", "997521"),
        ("invoice_number", "Invoice date: 22.01.2024", None),
        ("invoice_number", "Invoice for March 2024", None),
        ("invoice_number", "Invoice no: 1\nInvoice no: 2", None),
        ("order_id", "Order #: 112-5540981", "112-5540981"),
        ("po_number", "Your PO: 4500018833", "4500018833"),
        ("customer_number", "Kunden-Nr.: 20417", "20417"),
        ("customer_number", "Sort code 20-45-77 Account no. 43310294", None),
        ("iban", "IBAN GB33 BUKB 2020 1555 5555 55", "GB33BUKB20201555555555"),
        ("iban", "IBAN GB33 BUKB 2020 1555 5555 56", None),
        ("vat_id", "USt-IdNr.: DE129273398", "DE129273398"),
        ("email", "Questions: billing@acme.example.", "billing@acme.example"),
        ("email", "a@b.example or c@d.example", None),
        ("phone", "Tel.: +44 20 7946 0112", "+44 20 7946 0112"),
        ("website", "see www.acme.example/help", "www.acme.example/help"),
    ],
)
def test_identifiers_stand_next_to_their_labels(name, text, value):
    assert one(text, name, TEXT) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("vendor", "Seller: Bonifi Ltd\nTotal 5.00", "Bonifi Ltd"),
        ("company", "No. 2020-5202\nFrom Joro Trading Co", "Joro Trading Co"),
        ("vendor", "Sofi S.A.\n174 Bridel Square, Brno\nInvoice 12", "Sofi S.A."),
        ("vendor", "From: jo@acme.example\nTotal 5.00", None),
        ("vendor", "Dear Sir,\nthe total is 5.00 EUR.", None),
        ("vendor", "INVOICE\nTotal 5.00", None),
        ("supplier", "Lieferant: Müller & Söhne KG, Hafenstr. 2", "Müller & Söhne KG"),
        ("customer", "Bill to:\nNiso Systems\n2 Road", "Niso Systems"),
        ("customer", "From:             Bill To:\nA Corp            B Inc.", "B Inc."),
        ("vendor", "Seller: A Ltd\nVendor: B Ltd", None),
    ],
)
def test_parties_stand_next_to_their_labels_or_at_the_head(name, text, value):
    assert one(text, name, TEXT) == value


def test_contacts_belong_to_the_party_that_is_asked_for():
    text = "Seller: A Ltd\na@a.example\n\nBill to: B Ltd\nb@b.example\n\nTotal 5.00"
    schema = {
        "properties": {
            "seller": {"properties": {"name": TEXT, "email": TEXT, "phone": TEXT}},
            "buyer": {"properties": {"name": TEXT, "email": TEXT}},
        }
    }
    assert extract(text, schema).value == {
        "seller": {"name": "A Ltd", "email": "a@a.example"},
        "buyer": {"name": "B Ltd", "email": "b@b.example"},
    }


def test_an_option_is_taken_when_its_word_stands_in_the_text():
    plan = {"enum": ["basic", "premium", "very_large"]}
    assert one("I have the Premium plan", "plan", plan) == "premium"
    assert one("a very large one", "plan", plan) == "very_large"
    assert one("basic or premium?", "plan", plan) is None
    assert one("from basic to premium\nPlan: premium", "plan", plan) == "premium"
    assert one("basically", "plan", plan) is None


def test_a_property_of_ones_own_is_found_by_its_name_or_title():
    assert one("Notice period: 3 months", "notice_period", TEXT) == "3 months"
    assert one("Kündigungsfrist: 3 Monate", "notice", {**TEXT, "title": "Kündigungsfrist"}) == (
        "3 Monate"
    )
    assert one("Seats: 12", "seats", {"type": "integer"}) == 12
    assert one("Renews: yes", "renews", {"type": "boolean"}) is True
    assert one("The notice period is long", "notice_period", TEXT) is None


def test_a_description_says_what_an_odd_name_means():
    schema = {"type": "string", "description": "The invoice number as printed"}
    assert one("Invoice no. 4711", "field_7", schema) == "4711"


def test_references_inside_the_schema_are_followed():
    schema = {
        "properties": {"total": {"$ref": "#/$defs/money"}},
        "$defs": {"money": {"type": "number"}},
    }
    assert extract("Total: 5.50", schema).value == {"total": 5.5}


def test_a_missing_required_value_lowers_the_confidence():
    properties = {"total": NUMBER, "invoice_number": TEXT}
    whole = extract("Total: 5.50", {"properties": properties})
    missing = extract("Total: 5.50", {"properties": properties, "required": ["invoice_number"]})
    assert missing.value == whole.value
    assert missing.confidence < 0.5 < whole.confidence


def test_a_definition_list_is_read_as_labels_and_values():
    text = "<dl><dt>VAT 20 %</dt><dd>19.60</dd><dt>Total due</dt><dd>GBP 117.60</dd></dl>"
    schema = {"properties": {"tax": NUMBER, "total": NUMBER, "currency": TEXT}}
    assert extract(text, schema).value == {"tax": 19.6, "total": 117.6, "currency": "GBP"}


def test_a_discount_loses_its_minus_where_the_schema_wants_none():
    assert one("Discount: -5.00", "discount", NUMBER) == -5
    assert one("Discount: -5.00", "discount", {**NUMBER, "minimum": 0}) == 5


def test_a_quoted_mail_is_another_document():
    text = "Total: 5.00 EUR\n\n> Total: 9.00 EUR"
    assert one(text, "total", NUMBER) == 5
