"""Judges plain text and labels."""

import re

from aihandler.domain.task import LabelOutput, TextOutput
from aihandler.validation.reasoning import without_reasoning
from aihandler.validation.strict import NotJson, parse
from aihandler.validation.verdict import Verdict, accepted, rejected

# A reply of more characters is no label with a few words around it.
MAX_LABEL_REPLY_CHARS = 20_000

_FENCE = re.compile(r"```\w*\n?([^`]*)```")
_LEAD = re.compile(r"(?P<lead>[^\W\d_][\w ]{0,40}?)(?:\s*[:=]|\s+is:?)\s+(?P<rest>\S.*)", re.DOTALL)
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|none|cannot|wrong|incorrect|second|least|if|unlike)\b|n't",
    re.IGNORECASE,
)
_WRAPS = "\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb()[]<>"


def judge_text(text: str, output: TextOutput) -> Verdict:
    """Any text that is not empty and not too long, without its reasoning."""
    answer, reasoned = without_reasoning(text)
    if not answer:
        return rejected("the reply is empty" if not reasoned else "the reply is reasoning only")
    if output.max_chars is not None and len(answer) > output.max_chars:
        return rejected(f"has {len(answer)} characters, at most {output.max_chars} are allowed")
    return accepted(answer, ("removed reasoning",) if reasoned else ())


class Labels:
    """The labels of a task, and how to recognise them."""

    def __init__(self, output: LabelOutput) -> None:
        self._labels = output.labels
        folded = [_folded(label) for label in output.labels]
        # Two labels that differ in case or marks only are told apart by their exact form alone.
        self._by_fold = {
            f: label for f, label in zip(folded, output.labels, strict=True) if folded.count(f) == 1
        }
        longest_first = sorted(output.labels, key=len, reverse=True)
        any_label = "|".join(re.escape(label) for label in longest_first)
        self._mention = re.compile(rf"(?<!\w)(?:{any_label})(?!\w)", re.IGNORECASE)

    def judge(self, text: str) -> Verdict:
        """One label: exactly, or with marks, case or a lead such as `Category:` taken away."""
        if text.strip() in self._labels:
            return accepted(text.strip())
        if len(text) > MAX_LABEL_REPLY_CHARS:
            return rejected(f"has more than {MAX_LABEL_REPLY_CHARS} characters, no label has")
        answer, reasoned = without_reasoning(text)
        notes = ["removed reasoning"] if reasoned else []
        if answer in self._labels:
            return accepted(answer, notes)
        label = self._recognised(answer)
        if label is not None:
            return accepted(label, [*notes, "normalised the label"])
        return self._unrecognised(answer)

    def _recognised(self, answer: str) -> str | None:
        fence = _FENCE.fullmatch(answer)
        answer = fence.group(1).strip() if fence else answer
        found = self._of_json(answer)
        if found is not None:
            return found
        lead = _LEAD.fullmatch(answer)
        found = self._normal(answer)
        if found is None and lead is not None and not _NEGATION.search(lead["lead"]):
            found = self._normal(lead["rest"])
        return found

    def _of_json(self, answer: str) -> str | None:
        if not answer.startswith(("{", '"')):
            return None
        try:
            value = parse(answer)
        except NotJson:
            return None
        if isinstance(value, dict) and len(value) == 1:
            (value,) = value.values()
        return self._normal(value) if isinstance(value, str) else None

    def _normal(self, text: str) -> str | None:
        bare = text.strip()
        if bare in self._labels:
            return bare
        bare = bare.strip(_WRAPS + ".! \n\t")
        return bare if bare in self._labels else self._by_fold.get(_folded(bare))

    def _unrecognised(self, answer: str) -> Verdict:
        mentioned = {_folded(m.group()) for m in self._mention.finditer(answer)}
        if len(mentioned) > 1:
            return rejected("mentions several of the labels", state="ambiguous", kind="schema")
        if mentioned:
            return rejected("has more than the label alone", kind="schema")
        return rejected(f"is none of the {len(self._labels)} labels", kind="schema")


def _folded(label: str) -> str:
    return re.sub(r"[\s_-]+", "_", label.strip()).casefold()
