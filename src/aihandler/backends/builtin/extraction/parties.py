"""Who sent a document and to whom: names next to their labels, or at its head."""

import re

from aihandler.backends.builtin.extraction.labels import Label, folded, words_of
from aihandler.backends.builtin.extraction.lists import word_set
from aihandler.backends.builtin.extraction.page import CELL_BREAK
from aihandler.backends.builtin.extraction.reading import Found, Reading, agreed
from aihandler.backends.builtin.extraction.words import LEGAL_FORMS, TITLES

PARTIES = ("vendor", "customer", "ship_to", "account_holder")

_MAX_NAME = 80
_MAX_WORDS = 9
_HEAD_LINES = 6
_ADDRESS_WORDS = 10
# Headings of papers that nobody is called after.
_PAPERS = word_set(
    "agreement contract terms policy report minutes memo memorandum notice letter statement "
    "newsletter summary application form request question order vertrag bericht protokoll "
    "vereinbarung antrag contrat rapport accord avis proposal schedule annex appendix"
)
_CUTS = re.compile(rf" ?{CELL_BREAK}| \(| [-\u2013\u2014·•/] |;|\t| {{2,}}|, (?=\d)|\s\|")
_FORM_MARKS = re.compile(r"[./,]")
_COMMA = re.compile(r",\s")
_BAD = re.compile(r"[@:?!=<>{}\[\]]|https?|www\.")
_GREETING = word_set(
    "dear hello hi hey thank thanks please sehr liebe lieber hallo guten bonjour madame "
    "monsieur cher chere we i attached this your our anbei wir vielen ihre merci nous "
    "veuillez subject betreff objet fwd fw re aw"
)
# The words with which no company's name begins or ends; prose looks like `to be paid by`.
_PROSE = word_set("be the your our you is are was has have will by at with that for of")
_KNOWN_NOT_NAMES = frozenset({"n", "na", "none", "see above", "as above", "same"})
_STRONG = word_set(
    "seller vendor supplier verkaufer lieferant fournisseur vendeur aussteller emetteur"
)


def choose_party(reading: Reading, concept: str) -> Found | None:
    """The name under a label of the party; for the sender also the letterhead."""
    named = [
        (label, found)
        for label in reading.labelled(concept)
        if (found := _name_of(reading, label)) is not None
    ]
    if named:
        strong = [f for label, f in named if _STRONG.intersection(label.phrase.split())]
        return agreed(_same_names(strong or [found for _, found in named]))
    if concept != "vendor":
        return None
    return _letterhead(reading) or _account_holder(reading)


def clean_name(reading: Reading, start: int, end: int) -> tuple[int, int] | None:
    """The stretch cut to a name; None when it does not look like one."""
    text = reading.page.text
    start, end = reading.trimmed(start, min(end, start + _MAX_NAME * 2))
    cut = _CUTS.search(text, start, end)
    if cut is not None and cut.start() > start:
        end = cut.start()
    end = _before_comma(text, start, end)
    start, end = reading.trimmed(start, end)
    if text[end : end + 1] == "." and _abbreviated(text[start:end]):
        # The point of `Inc.` and `S.A.` is part of the name.
        end += 1
    return (start, end) if _is_name(text[start:end]) else None


def _name_of(reading: Reading, label: Label) -> Found | None:
    region = reading.beside(label)
    if region is None or reading.dates_in(region[0], region[0] + 1):
        return None
    span = clean_name(reading, *region)
    if span is None:
        return None
    # A sender's bare word is weaker than one before a colon.
    confidence = 0.96 if label.colon or label.words > 1 else 0.93
    return Found(reading.page.text[span[0] : span[1]], *span, confidence)


def _before_comma(text: str, start: int, end: int) -> int:
    """Where the name ends: at a comma, unless a legal form or more names follow it."""
    for comma in _COMMA.finditer(text, start, end):
        rest = text[comma.end() : end]
        head = rest.split(",")[0]
        first = words_of(head)[:1]
        if first and first[0] in LEGAL_FORMS and len(words_of(head)) <= 2:
            continue
        if re.search(r" (?:&|and|und|et) ", head) and not any(map(str.isdigit, rest)):
            continue
        return comma.start()
    return end


def _abbreviated(name: str) -> bool:
    last = name.rsplit(maxsplit=1)[-1] if name.split() else ""
    return folded(last).strip(".") in LEGAL_FORMS or bool(re.fullmatch(r"(?:\w\.)+\w", last))


def _legal_form(name: str) -> bool:
    """True for `Acme Ltd.` and `Acme S.A.`, not for a name that only begins so."""
    forms = (_FORM_MARKS.sub("", folded(word)) for word in name.split()[1:])
    return not LEGAL_FORMS.isdisjoint(forms)


def _is_name(name: str) -> bool:
    if not 2 <= len(name) <= _MAX_NAME or _BAD.search(name):
        return False
    words = name.split()
    folded_words = [folded(word).strip(".,") for word in words]
    if len(words) > _MAX_WORDS or folded(name) in TITLES or folded(name) in _KNOWN_NOT_NAMES:
        return False
    if (words[0][0].islower() and folded_words[0] in _PROSE) or folded_words[-1] in _PROSE:
        return False
    letters = sum(map(str.isalpha, name))
    capital = any(word[:1].isupper() or word[:1].isdigit() for word in words)
    return capital and letters >= 2 and letters * 2 >= len(name)


def _same_names(found: list[Found]) -> list[Found]:
    """`Acme` and `ACME` are one name; the first writing is kept."""
    first = {folded(str(each.value)): each for each in reversed(found)}
    return list(first.values())


def _letterhead(reading: Reading) -> Found | None:
    """An unlabelled name at the top, when it looks like one that a company puts there."""
    page = reading.page
    seen = 0
    for number, line in enumerate(page.lines):
        if line.blank or line.start < page.body_start:
            continue
        seen += 1
        if seen > _HEAD_LINES:
            return None
        cell = next(cell for cell in line.cells if cell.start < cell.end)
        content = page.text[cell.start : cell.end]
        if _is_title(content):
            continue
        return _head_name(reading, number, cell.start, cell.end)
    return None


def _is_title(content: str) -> bool:
    plain = folded(content).strip(" *#=-_.:!\t")
    return plain in TITLES or not any(map(str.isalpha, plain))


def _head_name(reading: Reading, number: int, start: int, end: int) -> Found | None:
    if any(label.start <= start < label.end and label.anchored for label in reading.labels):
        return None
    span = clean_name(reading, start, end)
    text = reading.page.text
    if span is None or text[end - 1] in ",!?" or reading.dates_in(start, end):
        return None
    name = text[span[0] : span[1]]
    words = words_of(name)
    if (
        not words
        or words[0] in _GREETING
        or any(a.like_money for a in reading.amounts_in(start, end))
    ):
        return None
    if not name[:1].isupper() and not name[:1].isdigit():
        return None
    if _legal_form(name):
        return Found(name, *span, 0.95)
    return Found(name, *span, 0.85) if _heads_a_form(reading, number, name) else None


def _heads_a_form(reading: Reading, number: int, name: str) -> bool:
    """True when the next line is an address, a title or a label, as under a letterhead."""
    if len(name.split()) > 8 or name.endswith("."):
        return False
    if _PAPERS.intersection(words_of(name)):
        return False
    page = reading.page
    follow = [cell for cell in page.lines[number].cells if cell.start < cell.end][1:]
    for line in page.lines[number + 1 : number + 4]:
        follow += [cell for cell in line.cells if cell.start < cell.end]
    if not follow:
        return False
    content = page.text[follow[0].start : follow[0].end]
    labelled = any(
        follow[0].start <= label.start < follow[0].end and label.anchored
        for label in reading.labels
    )
    address = any(map(str.isdigit, content)) and len(content.split()) <= _ADDRESS_WORDS
    return labelled or address or _is_title(content) or _signs(reading, number, name)


def _signs(reading: Reading, number: int, name: str) -> bool:
    """True when the name stands alone on a later line as well, as under a letter."""
    text = reading.page.text
    return any(
        text[line.start : line.end].strip() == name for line in reading.page.lines[number + 1 :]
    )


def _account_holder(reading: Reading) -> Found | None:
    names = [_name_of(reading, label) for label in reading.labelled("account_holder")]
    holder = agreed(_same_names([name for name in names if name is not None]))
    return None if holder is None else Found(holder.value, holder.start, holder.end, 0.85)
