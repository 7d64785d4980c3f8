"""One line of a document in its own words: the sentence that carries the most."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from aihandler.backends.builtin.extraction.lists import word_set

# Part of the model's identity: raise it when the same document may be summarised differently.
VERSION = "summarise-1"

# What stands behind this is not read; a first page says what a document is about.
_MAX_CHARS = 50_000
_MAX_SENTENCES = 200
_HEADER = re.compile(
    r"(?:from|to|cc|bcc|date|sent|reply-to|message-id|von|an|gesendet|datum|de|à|envoyé|"
    r"received|return-path|mime-version|content-[a-z-]{1,30}|x-[a-z-]{1,30}|"
    r"(?P<subject>subject|betreff|objet))[ \t]?:[ \t]{0,4}(?P<rest>.{0,300})",
    re.IGNORECASE,
)
_REPLY_MARK = re.compile(
    r"(?:(?:re|fwd?|aw|wg|tr)\s?:\s{0,4}|\[[^\]]{1,30}\]\s{0,4}){1,5}", re.IGNORECASE
)
_QUOTE = re.compile(
    r"[>|]|on .{5,120} wrote:$|am .{5,120} schrieb|le .{5,120} a écrit|"
    r"-{2,} ?(?:original|forwarded|"
    r"ursprüngliche|message)|_{8,}$|begin forwarded",
    re.IGNORECASE,
)
_QUOTE_STARTS = re.compile(
    r"on .{5,120} wrote:$|am .{5,120} schrieb|le .{5,120} a écrit|"
    r"-{2,} ?(?:original|ursprüngliche)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|to whom it may concern|hallo|"
    r"guten (?:tag|morgen)|liebe[rs]?|sehr geehrte[rs]?|bonjour|bonsoir|madame|monsieur|cher|chère)"
    r"\b[^.!?\n]{0,40}?(?:[,!:.]|$)\s{0,3}",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:kind|best|warm|many)? ?(?:regards|wishes)|best|cheers|sincerely|yours (?:\w+)|thanks|"
    r"thank you|many thanks|thx|mit freundlichen grüßen|viele grüße|beste grüße|gruß|mfg|"
    r"cordialement|bien à vous|salutations|merci)\s?[,.!]?(?: ?[A-Z][\w.-]{0,20}){0,3}\s?$|--\s?$",
    re.IGNORECASE,
)
_BOILER = re.compile(
    r"confidential|disclaimer|intended (?:solely|only)? ?for|unsubscribe|all rights reserved|"
    r"do not reply|sent from my|think before you print|please consider the environment|"
    r"vertraulich|diese nachricht ist|ce message est|thank you for (?:your|contacting|choosing)|"
    r"hope (?:this|you)|i hope|details will follow|view (?:this|it) in your browser|"
    r"privacy policy|terms and conditions apply|copyright|©|registered (?:office|in)|"
    r"please find attached|let me know if|do not hesitate|looking forward|"
    r"feel free to|any questions",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"(?:please help|thanks in advance|thank you(?: in advance)?|many thanks|please advise|"
    r"i attach|see attached|any help|best regards|i (?:have been|am) a (?:long|customer)|"
    r"my (?:name|customer number|account number) is|we are based|our company is)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]{1,400}(?:[.!?](?!\s|$)[^.!?\n]{0,200}){0,8}[.!?]{0,3}")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|no|nr|inc|ltd|co|e\.g|i\.e|vs|st|approx|bzw|z\.b|ca|str|s\.a)|\b\w)\.$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_][\w'\u2019-]*")
_CLAUSE = re.compile(
    r"[,;:\u2013\u2014]\s|\s[-\u2013\u2014]\s|\s(?:but|because|which|although|and|so|aber|weil|und|mais|et|car)\s"
)
_TAG = re.compile(r"<(?:/?[a-zA-Z!][^<>]{0,1000})>")
_STOP = word_set(
    "the a an and or of to in on at for with is are was were be been it this that we i you "
    "our your my me us they he she has have had not no do does did will would can could as by "
    "from but if so about there please der die das und ist ein eine zu in den von mit auf für "
    "nicht ich wir sie es le la les de des un une et est pour que dans je nous vous il ne pas "
    "au"
)


class Summary(msgspec.Struct, frozen=True):
    """One line whose every word stands in the text. `confidence` is 0 for an empty text."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    position: int
    boiler: bool


def summarise(text: str, *, max_chars: int = 160) -> Summary:
    """The subject, or the sentence that carries the most, of the first 50,000 characters."""
    if max_chars < 1:
        return Summary("", 0.0)
    subject, body = _parts(_TAG.sub("\n", text[:_MAX_CHARS]))
    sentences = _sentences(body)
    chosen, confidence = _best(sentences)
    if subject and not _empty_subject(subject, sentences):
        chosen, confidence = subject, 0.75
    line = _cut(_tidy(chosen), max_chars)
    return Summary(line, confidence if line else 0.0)


def _parts(text: str) -> tuple[str, list[str]]:
    """The subject, where the document begins with headers, and the lines of the body."""
    lines = text.splitlines()
    subject, start = "", 0
    for index, line in enumerate(lines[:40]):
        header = _HEADER.match(line.strip())
        if header is None:
            # A folded header goes on in an indented line.
            if line.strip() or (index and not start):
                break
            continue
        start = index + 1
        if header["subject"]:
            subject = _REPLY_MARK.sub("", header["rest"].strip(), count=1)
    return subject.strip(), _body(lines[start:])


def _body(lines: Sequence[str]) -> list[str]:
    """The writer's own lines, up to the signature or the mail that is replied to."""
    kept: list[str] = []
    for line in lines:
        stripped = line.strip()
        if _QUOTE_STARTS.match(stripped) and kept:
            break
        if _CLOSING.match(stripped) and any(kept):
            break
        if _QUOTE.match(stripped):
            continue
        kept.append(stripped)
    return kept


def _sentences(lines: Sequence[str]) -> list[_Sentence]:
    found: list[_Sentence] = []
    for paragraph in _paragraphs(lines):
        rest = _GREETING.sub("", paragraph, count=1) if _GREETING.match(paragraph) else paragraph
        for raw in _split(rest):
            words = _WORD.findall(raw)
            if len(words) >= 2 or (words and len(raw) > 3):
                boiler = bool(_BOILER.search(raw) or _POLITE.match(raw) or _CLOSING.match(raw))
                found.append(_Sentence(raw, len(found), boiler))
            if len(found) >= _MAX_SENTENCES:
                return found
    return found


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Lines that were wrapped are joined; a greeting, a list entry or a gap begins another."""
    found: list[str] = []
    opened = False
    for line in lines:
        if not line:
            opened = False
            continue
        wrapped = (
            opened
            and len(found[-1].rsplit("\n", 1)[-1]) > 50
            and not line.startswith(("-", "*", "•"))
        )
        if wrapped and len(found[-1]) < 4_000:
            found[-1] = f"{found[-1]} {line}"
        else:
            found.append(line)
        opened = True
    return found


def _split(paragraph: str) -> list[str]:
    pieces: list[str] = []
    for match in _SENTENCE.finditer(paragraph):
        piece = match[0].strip()
        if not piece:
            continue
        if pieces and _ABBREVIATION.search(pieces[-1]) and len(pieces[-1]) < 400:
            pieces[-1] = f"{pieces[-1]} {piece}"
        else:
            pieces.append(piece)
    return pieces


def _best(sentences: Sequence[_Sentence]) -> tuple[str, float]:
    if not sentences:
        return "", 0.0
    # A sentence that stands twice repeats nothing but itself.
    different = {_shape(each.text): set(_content(each.text)) for each in sentences}
    counts = Counter(word for words in different.values() for word in words)
    scored = sorted(
        ((_score(each, counts), -each.position, each.text) for each in sentences), reverse=True
    )
    best = scored[0]
    runner = scored[1][0] if len(scored) > 1 else 0.0
    margin = (best[0] - runner) / best[0] if best[0] > 0 else 0.0
    return best[2], round(0.35 + 0.4 * min(1.0, max(0.0, margin)), 4)


def _shape(text: str) -> str:
    """The sentence without its numbers and last words."""
    return " ".join(re.sub(r"\d[\d.,]*", "0", text.casefold()).split()[:5])


def _score(sentence: _Sentence, counts: Counter[str]) -> float:
    """Words that the document repeats and names count; so does standing early."""
    content = _content(sentence.text)
    weight = sum(1.0 + 0.5 * min(counts[word] - 1, 3) for word in dict.fromkeys(content))
    named = sum(1 for word in _WORD.findall(sentence.text)[1:] if word[0].isupper())
    density: float = (weight + 0.5 * min(named, 4)) / (4.0 + len(content)) ** 0.6
    early = 1.0 + 0.4 / (1.0 + sentence.position)
    return density * early * (0.15 if sentence.boiler else 1.0)


def _content(text: str) -> list[str]:
    words = (word.casefold() for word in _WORD.findall(text))
    return [word for word in words if word not in _STOP and len(word) > 2]


def _empty_subject(subject: str, sentences: Sequence[_Sentence]) -> bool:
    """True for `Request`, `Question`, `Hello`: a word that says nothing beside the body."""
    return bool(sentences) and len(_content(subject)) < 2


def _tidy(text: str) -> str:
    return " ".join(text.split()).strip(" -*•\u2013|\"'")


def _cut(text: str, max_chars: int) -> str:
    """The text, or its beginning up to a clause or at least a whole word."""
    if len(text) <= max_chars:
        return text.rstrip(" ,;:")
    ends = [match.start() for match in _CLAUSE.finditer(text, 0, max_chars + 1)]
    ends = [end for end in ends if max_chars // 3 <= end <= max_chars]
    if ends:
        return text[: ends[-1]].rstrip(" ,;:-\u2013\u2014")
    space = text.rfind(" ", 0, max_chars + 1)
    # A single word that is longer than the line is no summary.
    return text[:space].rstrip(" ,;:-\u2013\u2014") if space > 0 else ""
