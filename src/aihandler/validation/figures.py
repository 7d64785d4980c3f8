"""Numbers and amounts as people write them, and the values that each may mean."""

import re
from collections.abc import Iterator
from decimal import Decimal

# Signs and codes of one currency. A sign that many currencies share stands for the first alone.
_CURRENCIES = {
    "usd": ("$", "us$", "usd", "dollar", "dollars"),
    "eur": ("€", "eur", "euro", "euros"),
    "gbp": ("£", "gbp", "pound sterling", "pounds"),
    "jpy": ("¥", "jp¥", "jpy", "yen"),
    "cny": ("cn¥", "rmb", "cny", "yuan"),
    "inr": ("₹", "inr", "rs.", "rs", "rupees"),
    "chf": ("chf", "sfr.", "fr."),
    "cad": ("c$", "ca$", "cad"),
    "aud": ("a$", "au$", "aud"),
    "nzd": ("nz$", "nzd"),
    "sgd": ("s$", "sgd"),
    "hkd": ("hk$", "hkd"),
    "brl": ("r$", "brl"),
    "krw": ("₩", "krw"),
    "ils": ("₪", "ils"),
    "try": ("₺", "try"),
    "pln": ("zł", "pln"),
    "czk": ("kč", "czk"),
    "sek": ("sek",),
    "nok": ("nok",),
    "dkk": ("dkk",),
    "huf": ("ft", "huf"),
    "ron": ("lei", "ron"),
    "mxn": ("mx$", "mxn"),
    "zar": ("zar",),
    "rub": ("₽", "rub"),
}
_CODE_OF = {sign: code for code, signs in _CURRENCIES.items() for sign in signs}
_SIGN = "|".join(sorted((re.escape(sign) for sign in _CODE_OF), key=len, reverse=True))

# Groups may be parted by a mark that parts nothing else, or by a blank before three digits.
_FIGURE = re.compile(r"\d+(?:[.,'_]\d+)*")
_BLANK_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d])(?:[.,]\d+)?")
_RUN_BEFORE = re.compile(r"[^\W_][\w./,'-]{0,40}\Z")
# 112-B is a name; a 12-month term is twelve.
_NAME_AFTER = re.compile(r"[-/](?:[a-z]\b|[a-z]*\d+[a-z])")
_UNIT = r"(?:[a-z]{3}|[$\u20ac\u00a3\u00a5\u20b9])?"
_MINUS_BEFORE = re.compile(rf"(?:^|[^\w.,)]){_UNIT} ?- ?{_UNIT} ?\Z|\({_UNIT} ?\Z")
_SCALE_AFTER = re.compile(r" ?(k|thousand|m|mn|mio|million|bn|billion)\b")
_PERCENT_AFTER = re.compile(r" ?(?:%|percent|per cent)")
_SCALES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "mio": 6, "million": 6, "bn": 9, "billion": 9}
_AMOUNT = re.compile(
    rf"(?P<before>{_SIGN})?\s?(?P<minus>-)?\s?(?P<figure>\d[\d.,' ]*)\s?(?P<after>{_SIGN}|%)?"
)
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_WORD = re.compile(r"\b(?:" + "|".join(_WORDS) + r")\b")
_MAX_DIGITS = 60


def readings(figure: str) -> frozenset[Decimal]:
    """All values that digits with marks may mean: `1.500` is 1500 here and 1.5 there."""
    if sum(map(str.isdigit, figure)) > _MAX_DIGITS:
        return frozenset()
    if figure.isdecimal():
        return frozenset((Decimal(figure),))
    plain = re.sub(r"['_ ]", "", figure)
    return frozenset(Decimal(reading) for reading in _plain_readings(plain))


def figures(text: str) -> Iterator[tuple[Decimal, bool]]:
    """Each number that stands in a normalised text, and whether it is written as negative."""
    for found in (*_FIGURE.finditer(text), *_BLANK_GROUPS.finditer(text)):
        before = text[max(0, found.start() - 48) : found.start()]
        if _is_part_of_a_name(before) or _NAME_AFTER.match(text, found.end()):
            continue
        negative = _is_negative(before[-8:])
        for value in readings(found.group()):
            yield value, negative
            yield from ((scaled, negative) for scaled in _scaled(value, text, found.end()))
    for word in _WORD.finditer(text):
        yield Decimal(_WORDS[word.group()]), False


def amount(text: str) -> tuple[frozenset[Decimal], bool, str] | None:
    """The values, the sign and the currency code (or "") of a text that is one amount."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    sign = found["before"] or found["after"] or ""
    return readings(found["figure"].strip(" .,")), bool(found["minus"]), _CODE_OF.get(sign, "")


def currency_signs(text: str) -> tuple[str, ...]:
    """Every way to write the currency that a text names; empty when it names none."""
    code = _CODE_OF.get(text)
    return _CURRENCIES[code] if code else ()


def _plain_readings(plain: str) -> Iterator[str]:
    marks = [mark for mark in plain if mark in ".,"]
    if not marks:
        yield plain
        return
    last = plain.rfind(marks[-1])
    whole, fraction = plain[:last], plain[last + 1 :]
    if marks.count(marks[-1]) == 1 and (len(marks) == 1 or _grouped(whole)):
        yield re.sub(r"[.,]", "", whole) + "." + fraction
    if len(set(marks)) == 1 and _grouped(plain):
        yield re.sub(r"[.,]", "", plain)


def _grouped(plain: str) -> bool:
    """True for groups of three, or of two before the last three as in India."""
    first, *groups = re.split(r"[.,]", plain)
    if not groups or not 1 <= len(first) <= 3 or first.startswith("0"):
        return False
    return len(groups[-1]) == 3 and all(len(group) in {2, 3} for group in groups)


def _is_part_of_a_name(before: str) -> bool:
    # INV-12 and A4 hold no number; EUR12 and x12 do. Most numbers follow a blank.
    if before[-1:] in {"", " "}:
        return False
    run = _RUN_BEFORE.search(before)
    if run is None:
        return False
    letters = run.group().rstrip("-.,'")
    return any(mark.isalpha() for mark in letters) and letters not in {*_CODE_OF, "x", "no", "nr"}


def _is_negative(before: str) -> bool:
    return ("-" in before or "(" in before) and _MINUS_BEFORE.search(before) is not None


def _scaled(value: Decimal, text: str, end: int) -> Iterator[Decimal]:
    if _PERCENT_AFTER.match(text, end):
        yield value / 100
    elif scale := _SCALE_AFTER.match(text, end):
        yield value.scaleb(_SCALES[scale.group(1)])
