"""Judges replies: may this one be used, and as which value?"""

from collections.abc import Callable

from aihandler.domain.answer import Finish
from aihandler.domain.task import AskedOutput, Json, JsonOutput, LabelOutput, Output, TextOutput
from aihandler.validation.arithmetic import Arithmetic
from aihandler.validation.coercion import coerce
from aihandler.validation.extraction import Found, find
from aihandler.validation.foreign import ForeignSchema
from aihandler.validation.grounding import Grounding
from aihandler.validation.labels import Labels, judge_text
from aihandler.validation.reasoning import without_reasoning
from aihandler.validation.schema import LISTED_CHARS, Schema, Unjudged, problems
from aihandler.validation.strict import Conflict, Cut, NotJson, parse, same
from aihandler.validation.verdict import Verdict, accepted, rejected

MAX_CHARS = 1_000_000


class Validator:
    """Judges the replies to one task. What can be prepared is prepared once, here.

    Raises ConfigError for a schema or an expression that cannot be used, InputError for a schema
    of a client (`AskedOutput`). A label output needs labels. `undo` makes a value that was asked
    for in another shape (`Downlevelled.undo`) what the output's schema means; it comes before the
    schema is asked.
    """

    def __init__(self, output: Output, *, undo: Callable[[Json], Json] | None = None) -> None:
        self._output = output
        self._labels = Labels(output) if isinstance(output, LabelOutput) else None
        self._json = _JsonJudge(output, undo) if isinstance(output, JsonOutput) else None

    @property
    def weight(self) -> int:
        """What a client's schema cost to compile, in bytes of a plain one; 0 of any other."""
        return self._json.weight if self._json is not None else 0

    def check(self, text: str, *, finish: Finish, source: str) -> Verdict:
        """What the reply is worth. `source` is the text that grounded values must stand in.

        Never raises. A reply that ended at a limit is `truncated`, however whole it looks.
        """
        refusal = _refused(text, finish)
        if refusal is not None:
            return refusal
        if isinstance(self._output, TextOutput):
            return judge_text(text, self._output)
        if self._labels is not None:
            return self._labels.judge(text)
        assert self._json is not None
        return self._json.judge(text, finish=finish, source=source)


def _refused(text: str, finish: Finish) -> Verdict | None:
    if finish == "length":
        return rejected("the reply was cut at its token limit", state="truncated")
    if finish == "refused":
        return rejected("the model refused to answer")
    if finish == "abstain":
        return rejected("the model abstained")
    if len(text) > MAX_CHARS:
        return rejected(f"the reply has more than {MAX_CHARS} characters")
    if not _is_unicode(text):
        return rejected("the reply is no valid Unicode text")
    return None


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _JsonJudge:
    """The ladder: strict JSON, then extraction and repair; schema and coercion; then the facts."""

    def __init__(self, output: JsonOutput, undo: Callable[[Json], Json] | None) -> None:
        foreign = isinstance(output, AskedOutput)
        self._schema = ForeignSchema(output.schema) if foreign else Schema(output.schema)
        self._undo = undo
        self._grounding = Grounding(output.grounded, output.schema)
        self._arithmetic = Arithmetic(output.arithmetic)

    @property
    def weight(self) -> int:
        """Of a client's schema."""
        return self._schema.weight if isinstance(self._schema, ForeignSchema) else 0

    def judge(self, text: str, *, finish: Finish, source: str) -> Verdict:
        try:
            verdict = self._read(text.strip().removeprefix("\ufeff"), finish)
        except Unjudged as error:
            return rejected(str(error), kind="schema")
        if not verdict.ok:
            return verdict
        wrong = (
            *self._grounding.problems(verdict.value, source),
            *self._arithmetic.problems(verdict.value),
        )
        if wrong:
            return Verdict("invalid", verdict.value, wrong, verdict.notes)
        return verdict

    def _read(self, text: str, finish: Finish) -> Verdict:
        if not text:
            return rejected("the reply is empty")
        try:
            return self._settle(Found(parse(text), ()), len(text))
        except Conflict as error:
            return _unread(error)
        except NotJson as error:
            return self._extract(text, finish, str(error))

    def _extract(self, text: str, finish: Finish, reason: str) -> Verdict:
        answer, reasoned = without_reasoning(text)
        if not answer:
            return rejected("the reply is reasoning only")
        notes = ("removed reasoning",) if reasoned else ()
        try:
            candidates = _whole(answer) if reasoned else ()
            candidates = candidates or find(answer)
        except NotJson as error:
            return _unread(error)
        if not candidates:
            return rejected(reason)
        settled = [self._admitted(found, finish, len(text)) for found in candidates]
        verdict = _the_only(settled)
        if not verdict.ok:
            return verdict
        kept = (*notes, *verdict.notes) or ("read a text that is not quite JSON",)
        return accepted(verdict.value, kept)

    def _admitted(self, found: Found, finish: Finish, chars: int) -> Verdict:
        if found.unclosed and not self._only_the_brace_is_missing(found.value, finish):
            return rejected("ends before it is closed", state="truncated")
        return self._settle(found, chars)

    def _only_the_brace_is_missing(self, value: Json, finish: Finish) -> bool:
        # A reply cut between two members looks the same, so every key must be there.
        named = self._schema.root_keys
        return finish == "stop" and bool(named) and named <= value.keys()

    def _settle(self, found: Found, chars: int) -> Verdict:
        value, notes = found.value, found.notes
        if self._undo is not None:
            value = self._undo(value)
        errors = self._schema.errors(value, chars=chars)
        if not errors:
            return accepted(value, notes)
        # Coercion needs the list of all errors, which a long reply does not get.
        coerced = coerce(value, self._schema, errors) if chars <= LISTED_CHARS else None
        if coerced is not None:
            return accepted(coerced.value, (*notes, *coerced.notes))
        return Verdict("invalid", problems=problems(errors), notes=notes)


def _unread(error: NotJson) -> Verdict:
    if isinstance(error, Conflict):
        return rejected(str(error), state="ambiguous")
    return rejected(str(error), state="truncated" if isinstance(error, Cut) else "invalid")


def _whole(answer: str) -> tuple[Found, ...]:
    try:
        return (Found(parse(answer), ()),)
    except Conflict:
        raise
    except NotJson:
        return ()


def _the_only(verdicts: list[Verdict]) -> Verdict:
    """The one verdict that is good; several are fine only when they say the same."""
    good = [verdict for verdict in verdicts if verdict.ok]
    if not good:
        if len(verdicts) == 1:
            return verdicts[0]
        return rejected(f"holds {len(verdicts)} values, none of them valid", kind="schema")
    if any(not same(good[0].value, other.value) for other in good[1:]):
        message = f"holds {len(good)} different values that are valid"
        return rejected(message, state="ambiguous")
    left = len(verdicts) - len(good)
    if not left:
        return good[0]
    note = f"ignored {left} other value{'s' if left > 1 else ''} that the schema forbids"
    return accepted(good[0].value, (*good[0].notes, note))
