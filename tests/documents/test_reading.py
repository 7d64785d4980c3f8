"""Files of a company become documents; what cannot be read is said and stops nothing."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from aihandler.domain.document import Document
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError
from aihandler.workflow.readers import Unreadable, count_documents, find_files, read_documents
from aihandler.workflow.readers.reading import MAX_DOCUMENT_BYTES


def read(*paths: Path) -> list[Document | Unreadable]:
    return list(read_documents(find_files(paths)))


def one(path: Path) -> Document:
    (document,) = read(path)
    assert isinstance(document, Document)
    return document


def test_a_text_file_states_its_class_on_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Class: restricted\nThe salary is high.\n")
    document = one(tmp_path / "a.txt")
    assert document.data_class is DataClass.RESTRICTED
    assert document.text == "The salary is high."


def test_a_document_without_a_class_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Classes are great: everybody says so.")
    assert one(tmp_path / "a.txt").data_class is None


def test_front_matter_becomes_fields(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('---\nclass: confidential\ntitle: "Plan"\n---\n# Plan\nGo.\n')
    document = one(tmp_path / "a.md")
    assert document.data_class is DataClass.CONFIDENTIAL
    assert document.fields["title"] == "Plan"
    assert document.text == "# Plan\nGo."


def test_a_class_that_is_none_of_ours_is_no_guess(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Class: secret\nText.\n")
    (unreadable,) = read(tmp_path)
    assert isinstance(unreadable, Unreadable)
    assert "'secret' is not a data class" in unreadable.reason


def test_a_mail_gives_headers_body_and_text_attachments(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Rechnung für März"
    mail["From"] = "Ana <ana@example.com>"
    mail["X-Data-Class"] = "confidential"
    mail.set_content("Anbei die Rechnung.")
    mail.add_alternative("<p>Anbei die <b>Rechnung</b>.</p>", subtype="html")
    mail.add_attachment("Total: 12.00 EUR", filename="invoice.txt")
    (tmp_path / "a.eml").write_bytes(mail.as_bytes())
    document = one(tmp_path / "a.eml")
    assert document.text == "Subject: Rechnung für März\n\nAnbei die Rechnung."
    assert document.data_class is DataClass.CONFIDENTIAL
    assert document.fields["has_attachment"] == "yes"
    assert document.fields["attachment_text"].strip() == "Total: 12.00 EUR"


def test_a_mail_with_only_html_is_read_as_text(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Hi"
    mail.set_content("<style>p{}</style><p>One</p><p>Two &amp; three</p>", subtype="html")
    (tmp_path / "a.eml").write_bytes(mail.as_bytes())
    assert one(tmp_path / "a.eml").text == "Subject: Hi\n\nOne\nTwo & three"


def test_a_mail_in_an_unknown_charset_is_still_read(tmp_path: Path) -> None:
    head = b'Subject: x\nContent-Type: text/plain; charset="no-such"\n'
    (tmp_path / "a.eml").write_bytes(head + b"\ncaf\xc3\xa9\n")
    assert one(tmp_path / "a.eml").text.endswith("café")


def test_html_tables_keep_their_cells_apart(tmp_path: Path) -> None:
    page = (
        '<html><head><title>Invoice</title><meta name="data-class" content="public">'
        "<script>var x = 1</script></head><body><h1>Invoice</h1><table>"
        "<tr><th>Item</th><th>Amount</th></tr><tr><td>Desk</td><td>12.00</td></tr>"
        "</table></body></html>"
    )
    (tmp_path / "a.html").write_text(page)
    document = one(tmp_path / "a.html")
    assert document.text == "Invoice\nItem | Amount\nDesk | 12.00"
    assert document.data_class is DataClass.PUBLIC


def test_each_row_of_a_table_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'id,subject,text,class\n7,"a, b","line one\nline two",internal\n8,c,d,\n'
    )
    first, second = read(tmp_path / "t.csv")
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.id, first.text) == ("t.csv#7", "line one\nline two")
    assert first.fields["subject"] == "a, b"
    assert (first.data_class, second.data_class) == (DataClass.INTERNAL, None)


def test_a_table_with_semicolons_is_understood(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;text\n1;eins, zwei\n")
    assert one(tmp_path / "t.csv").text == "eins, zwei"


def test_a_broken_line_of_json_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": \n{"text": "y"}\n')
    first, broken, last = read(tmp_path / "t.jsonl")
    assert isinstance(first, Document)
    assert isinstance(broken, Unreadable)
    assert "line 2" in broken.reason
    assert isinstance(last, Document)
    assert last.id == "t.jsonl#3"


def test_the_folder_says_the_kind(tmp_path: Path) -> None:
    (tmp_path / "invoices").mkdir()
    (tmp_path / "invoices" / "a.txt").write_text("x")
    (tmp_path / "tickets.csv").write_text("text\nx\n")
    kinds = [d.fields["kind"] for d in read(tmp_path) if isinstance(d, Document)]
    assert kinds == ["invoices", "tickets"]


def test_a_document_above_the_bound_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    (tmp_path / "small.txt").write_text("x")
    big, small = read(tmp_path)
    assert isinstance(big, Unreadable)
    assert f"above the {MAX_DOCUMENT_BYTES // 1024**2} MB" in big.reason
    assert isinstance(small, Document)


def test_binary_data_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\x00\x01")
    (unreadable,) = read(tmp_path)
    assert isinstance(unreadable, Unreadable)
    assert "binary" in unreadable.reason


def test_old_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Müller".encode("cp1252"))
    assert one(tmp_path / "a.txt").text == "Müller"


def test_an_empty_folder_is_an_error_that_names_the_kinds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to read") as caught:
        find_files([tmp_path])
    assert ".eml" in caught.value.hint


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        find_files([tmp_path / "nowhere"])


def test_documents_are_counted_for_the_estimate(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text\n" + "x\n" * 10)
    (tmp_path / "a.txt").write_text("x")
    assert count_documents(find_files([tmp_path])) == 11
