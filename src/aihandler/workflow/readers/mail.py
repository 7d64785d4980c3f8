"""E-mails: headers become fields, the plain body (or the HTML one, as text) the text."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, Message
from pathlib import Path

from aihandler.domain.document import Document
from aihandler.domain.labels import DataClass
from aihandler.workflow.readers.classes import (
    class_in_passing,
    highest_class,
    is_class_name,
    raised,
)
from aihandler.workflow.readers.html import parse_html
from aihandler.workflow.readers.reading import decode, read_bytes


def read_mail(path: Path, name: str, kind: str) -> Iterator[Document]:
    """One document; the header `X-Data-Class` states its class, and a part of it may raise that.

    `text` begins with the subject, which says more than many a body. `attachments` holds their
    names and `attachment_text` those that are text; `has_attachment` is `yes` or empty.
    """
    mail = email.message_from_bytes(read_bytes(path), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    subject = _header(mail, "subject")
    attachments = list(mail.iter_attachments()) if mail.is_multipart() else []
    body = _body(mail)
    texts = [_content(part) for part in attachments if part.get_content_maintype() == "text"]
    fields = {
        "text": f"Subject: {subject}\n\n{body}".strip(),
        "kind": kind,
        "subject": subject,
        "from": _header(mail, "from"),
        "to": _header(mail, "to"),
        "date": _header(mail, "date"),
        "has_attachment": "yes" if attachments else "",
        "attachments": ", ".join(part.get_filename() or "unnamed" for part in attachments),
        "attachment_text": "\n\n".join(texts),
    }
    # A mail that was passed on as an attachment brings its own label, and so may a file.
    inner = [_stated(part) for part in mail.walk() if part is not mail]
    data_class = raised(_stated(mail), [*inner, *map(class_in_passing, [body, *texts])])
    yield Document(id=name, fields=fields, data_class=data_class, source=str(path))


def _stated(part: Message) -> DataClass | None:
    # `X-Class` and `Class` mean other things in mails.
    named = (str(v) for k, v in part.items() if is_class_name(k) and "data" in k.lower())
    return highest_class(" ".join(value.split()) for value in named)


def _header(mail: EmailMessage, name: str) -> str:
    return " ".join(str(mail.get(name, "")).split())


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    text = _content(part)
    return parse_html(text).text if part.get_content_subtype() == "html" else text.strip()


def _content(part: object) -> str:
    assert isinstance(part, EmailMessage)
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset()
    if charset is None:
        return decode(payload)
    try:
        return payload.decode(charset, errors="replace")
    except LookupError:
        return decode(payload)
