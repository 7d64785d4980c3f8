"""Codes that have a form of their own: e-mail, phone, IBAN, BIC, VAT id, web address."""

import re
from collections.abc import Callable, Iterable, Iterator

from aihandler.backends.builtin.extraction.lists import word_set
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed

_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}$")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \xa0]?[A-Z0-9]{4}){2,7}(?:[ \xa0]?[A-Z0-9]{1,3})?"
    r"(?![A-Za-z0-9])"
)
_BIC = re.compile(r"(?<![A-Za-z0-9])[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![A-Za-z0-9])")
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:ATU ?\d{8}|BE ?[01][\d. ]{9,12}"
    r"|CHE-?\d{3}\.?\d{3}\.?\d{3}(?: (?:MWST|TVA|IVA))?"
    r"|DE ?\d{3} ?\d{3} ?\d{3}|DK ?\d{8}|ES ?[A-Z]?\d{7,8}[A-Z]?"
    r"|FR ?[A-Z0-9]{2} ?\d{3} ?\d{3} ?\d{3}"
    r"|GB ?\d{3} ?\d{4} ?\d{2}|IE ?\d{7}[A-Z]{1,2}|IT ?\d{11}|LU ?\d{8}|NL ?\d{9}B\d{2}"
    r"|PL ?\d{10}|PT ?\d{9}|SE ?\d{12})(?![A-Za-z0-9])"
)
_TAX_CODE = re.compile(r"[A-Z]{0,3}[ -]?\d[\dA-Z./ -]{4,18}")
_PHONE = re.compile(r"(?<![\w+])(?:\+|00)?\(?\d[\d ()./\xa0-]{5,22}\d(?!\w)")
_WEB = re.compile(r"(?:https?://|www\.)[A-Za-z0-9.-]{3,100}(?:/[^\s|<>\"]{0,100})?")
_OWNER_LINES = 6
# Characters of an IBAN by country, as its registry (ISO 13616) lists them.
_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in word_set(
        "AE23 AT20 BE16 BG22 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GR27 HR21 HU28 "
        "IE22 IL23 IS26 IT27 LI21 LT20 LU20 LV21 MC27 MT31 NL18 NO15 PL28 PT25 RO24 RS22 SA24 "
        "SE24 SI19 SK24 TR26 UA29"
    )
}

CONTACTS = (
    "email", "vendor_email", "customer_email", "phone", "vendor_phone", "customer_phone",
    "iban", "bic", "vat_id", "customer_vat_id", "website",
)  # fmt: skip


def choose_contact(reading: Reading, concept: str) -> Found | None:
    """The only code of this kind, or the only one that belongs to the party that is asked for."""
    owner, _, kind = concept.rpartition("_") if "_" in concept else ("", "", concept)
    if concept in {"vat_id", "customer_vat_id"}:
        owner, kind = ("customer" if concept.startswith("customer") else "vendor"), "vat"
    finder = _FINDERS[kind]
    found = list(finder(reading))
    if not owner:
        return agreed(found)
    return agreed(_owned(reading, found, owner, kind))


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Where e-mail addresses stand."""
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text[max(0, at - 64) : at])
        domain = _DOMAIN.match(text, at + 1)
        if local and domain:
            yield at - len(local[0]), domain.end()
        at = text.find("@", at + 1)


def _emails(reading: Reading) -> Iterator[Found]:
    text = reading.page.text
    for start, end in find_emails(text):
        yield Found(text[start:end], start, end, 0.95)


def _phones(reading: Reading) -> Iterator[Found]:
    text = reading.page.text
    for label in reading.labelled("phone"):
        region = reading.beside(label)
        match = _PHONE.search(text, *region) if region else None
        # What is close to the label and no date.
        if (
            match
            and region
            and match.start() - region[0] < 8
            and not reading.dates_in(*match.span())
        ):
            yield Found(match[0].strip(), *match.span(), 0.95)


def _ibans(reading: Reading) -> Iterator[Found]:
    for match in _IBAN.finditer(reading.page.text):
        # A word in capitals behind the code is cut by the length that its country prescribes.
        length = _LENGTHS.get(match[0][:2])
        places = [match.start() + i for i, c in enumerate(match[0]) if not c.isspace()][:length]
        code = "".join(reading.page.text[place] for place in places)
        if len(code) == (length or len(code)) and len(code) >= 15 and _checks(code):
            yield Found(code, places[0], places[-1] + 1, 0.99)


def _checks(iban: str) -> bool:
    """ISO 13616: the code read as a number leaves 1 when divided by 97."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _bics(reading: Reading) -> Iterator[Found]:
    for label in reading.labelled("bic"):
        region = reading.beside(label)
        match = _BIC.search(reading.page.text, *region) if region else None
        if match and region and match.start() - region[0] < 4:
            yield Found(match[0], *match.span(), 0.97)


def _vats(reading: Reading) -> Iterator[Found]:
    text = reading.page.text
    for match in _VAT.finditer(text):
        yield Found(match[0].strip(), *match.span(), 0.95)
    for label in reading.labelled("vat_id", "customer_vat_id"):
        region = reading.beside(label)
        if region is None or _VAT.match(text, *region):
            continue
        code = _TAX_CODE.match(text, *region)
        if code is not None and not reading.dates_in(*code.span()):
            yield Found(code[0].strip(), *code.span(), 0.9)


def _websites(reading: Reading) -> Iterator[Found]:
    for match in _WEB.finditer(reading.page.text):
        yield Found(match[0].rstrip(".,;)"), *match.span(), 0.95)


def _owned(reading: Reading, found: Iterable[Found], owner: str, kind: str) -> list[Found]:
    theirs = _customer_stretches(reading, kind)
    body = reading.page.body_start
    kept = []
    for each in found:
        customers = any(start <= each.start < end for start, end in theirs)
        if each.start >= body and customers == (owner == "customer"):
            kept.append(each)
    return kept


def _customer_stretches(reading: Reading, kind: str) -> list[tuple[int, int]]:
    """Where the customer's particulars stand: by label, or in the lines under its name."""
    page, found = reading.page, []
    if kind == "vat":
        for label in reading.labelled("customer_vat_id"):
            region = reading.beside(label)
            if region is not None:
                found.append(region)
    for label in reading.labelled("customer", "ship_to"):
        number, column = page.cell_at(label.start)
        for line in page.lines[number : number + _OWNER_LINES]:
            if line.blank and line is not page.lines[number]:
                break
            if len(line.cells) == 1:
                found.append((line.start, line.end))
            elif column < len(line.cells):
                end = line.end if column == len(line.cells) - 1 else line.cells[column + 1].start
                found.append((line.cells[column].start, end))
    return found


_FINDERS: dict[str, Callable[[Reading], Iterator[Found]]] = {
    "email": _emails,
    "phone": _phones,
    "iban": _ibans,
    "bic": _bics,
    "vat": _vats,
    "website": _websites,
}
