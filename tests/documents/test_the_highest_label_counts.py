"""A document may say how sensitive it is in several ways at once; no way is lost."""

from pathlib import Path

import pytest

from aihandler.domain.document import Document
from aihandler.domain.labels import DataClass
from aihandler.workflow.readers import Unreadable, find_files, read_documents

CLASSES = {c.value: c for c in DataClass}
FORWARDED = b"""Subject: Fwd
X-Data-Class: public
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

see below
--b
%s
--b--
"""
MAIL_INSIDE = b"Content-Type: message/rfc822\n\nSubject: in\nX-Data-Class: restricted\n\nbody"
FILE_INSIDE = (
    b"Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n"
    b"Class: restricted\nbody"
)


def read(folder: Path) -> list[Document | Unreadable]:
    return list(read_documents(find_files([folder])))


def class_of(folder: Path, name: str, content: str | bytes) -> DataClass | None:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (document,) = read(folder)
    assert isinstance(document, Document), document
    return document.data_class


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffClass: restricted\nx",
        "\n\n  Class: restricted\nx",
        "CLASS : RESTRICTED\nx",
        "Class: restricted\rx",
        "X-Data-Class: restricted\nx",
        "data_class: restricted\nx",
        "**Class:** restricted\nx",
        "Class: restricted (personal data)\nx",
        "---\nclass: restricted\nclass: public\n---\nx",
        "---\nclass: public\n---\nClass: restricted\nx",
        "---\nclass:\n---\nClass: restricted\nx",
        "---\ndata-class: restricted\n---\nx",
        "\n---\nclass: restricted\n...\nx",
        "---\rclass: restricted\r---\rx",
    ],
)
def test_a_text_states_its_class_in_many_spellings(tmp_path: Path, text: str) -> None:
    assert class_of(tmp_path, "a.md", text) is DataClass.RESTRICTED


@pytest.mark.parametrize(
    "text", ["Class: public transport was late.\nx", "# Class: Biology\nx", "Classes: public\nx"]
)
def test_a_sentence_that_only_begins_like_a_label_is_none(tmp_path: Path, text: str) -> None:
    assert class_of(tmp_path, "a.md", text) is None


@pytest.mark.parametrize(
    "mail",
    [
        b"X-Data-Class: public\nX-Data-Class: restricted\n\nx",
        b"Subject: a\n\nClass: restricted\nx",
        FORWARDED % MAIL_INSIDE,
        FORWARDED % FILE_INSIDE,
    ],
)
def test_no_header_or_part_of_a_mail_hides_a_higher_one(tmp_path: Path, mail: bytes) -> None:
    assert class_of(tmp_path, "a.eml", mail) is DataClass.RESTRICTED


def test_a_part_never_lowers_the_class_of_its_mail(tmp_path: Path) -> None:
    mail = FORWARDED.replace(b"X-Data-Class: public\n", b"") % FILE_INSIDE
    assert class_of(tmp_path, "a.eml", mail.replace(b"restricted", b"public")) is None


@pytest.mark.parametrize(
    "page",
    [
        '<meta name="data-class" content="restricted"><meta name="data-class" content="public">',
        '<META NAME=" Data-Class " CONTENT="RESTRICTED">',
        '<meta http-equiv="X-Data-Class" content="restricted">',
    ],
)
def test_a_page_has_the_highest_class_of_its_entries(tmp_path: Path, page: str) -> None:
    assert class_of(tmp_path, "a.html", page + "x") is DataClass.RESTRICTED


@pytest.mark.parametrize(
    "table",
    [
        "class,text,class\nrestricted,x,public\n",
        "data_class,text\nrestricted,x\n",
        "X-Data-Class,text\nrestricted,x\n",
        "sep=;\nclass;text\nrestricted;x\n",
        "class|text\nrestricted|x\n",
        "\nclass,text\nrestricted,x\n",
        '"a, b, c";class;text\n1;restricted;x\n',
    ],
)
def test_a_column_states_the_class_whatever_it_is_called(tmp_path: Path, table: str) -> None:
    assert class_of(tmp_path, "t.csv", table) is DataClass.RESTRICTED


def test_a_row_whose_cells_have_moved_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,class\nhello, Ana,public,restricted\nx,public\n")
    moved, right = read(tmp_path)
    assert isinstance(moved, Unreadable)
    assert "4 cells, the header 2" in moved.reason
    assert isinstance(right, Document)


@pytest.mark.parametrize(
    "line",
    [
        '{"Class": "restricted", "text": "x"}',
        '{"data_class": "restricted", "text": "x"}',
        '{"class": "restricted", "class": "public", "text": "x"}',
        '\ufeff{"class": "restricted", "text": "x"}',
    ],
)
def test_a_line_of_json_states_its_class_in_many_spellings(tmp_path: Path, line: str) -> None:
    assert class_of(tmp_path, "t.jsonl", line) is DataClass.RESTRICTED


def test_a_class_of_null_is_none(tmp_path: Path) -> None:
    assert class_of(tmp_path, "t.jsonl", '{"class": null, "text": "x"}') is None


def test_tables_in_old_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("text\nGröße\n".encode("cp1252"))
    (document,) = read(tmp_path)
    assert isinstance(document, Document)
    assert document.text == "Größe"


def test_a_file_name_that_is_no_text_can_be_written_down(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.txt").write_text("x")
    (document,) = read(tmp_path)
    assert isinstance(document, Document)
    for text in (document.id, document.source, *document.fields.values()):
        text.encode()
    assert document.id == "caf\\udce9.txt"
