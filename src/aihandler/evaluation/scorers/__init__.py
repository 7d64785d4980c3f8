"""Scorers by name: `exact`, `numeric:0.01`, `regex:^INV-`, or `module:function` of one's own."""

from collections.abc import Callable, Sequence
from pathlib import Path

from aihandler.config.imports import ImportProblem, import_name
from aihandler.config.words import did_you_mean
from aihandler.domain.task import JsonOutput, LabelOutput, Task
from aihandler.errors import InputError
from aihandler.evaluation.scorers import conduct, fields, judged, texts
from aihandler.evaluation.scorers.case import Case, Score, Scorer
from aihandler.evaluation.scorers.judged import Judges

__all__ = ["NAMES", "Case", "Scorer", "default_scorer", "scorers_of"]

_PLAIN: dict[str, Score] = {
    "exact": texts.exact,
    "normalised": texts.normalised,
    "json-f1": fields.by_position,
    "json-f1-sets": fields.as_sets,
}
_JUDGED: dict[str, Callable[[Task, Judges], Score]] = {
    "valid": judged.valid,
    "grounded": judged.grounded,
    "arithmetic": judged.arithmetic,
}
# What stands after the colon when nothing does; None: something must.
_BOUNDED: dict[str, tuple[Callable[[float], Score], float | None]] = {
    "numeric": (texts.numeric, 0.0),
    "latency": (conduct.latency, None),
    "cost": (conduct.cost, None),
}
NAMES = (*_PLAIN, "numeric", "regex", *_JUDGED, "refusal", "latency", "cost")
_WITHOUT_EXPECTED = frozenset({"regex", *_JUDGED, "refusal", "latency", "cost"})


def default_scorer(task: Task) -> str:
    """What fits the task's output: labels exactly, JSON by its fields, text normalised."""
    if isinstance(task.output, LabelOutput):
        return "exact"
    return "json-f1" if isinstance(task.output, JsonOutput) else "normalised"


def scorers_of(
    names: Sequence[str], task: Task, *, judges: Judges, root: str
) -> tuple[Scorer, ...]:
    """The scorers of these names, or the default one; the first is what deployments are held to.

    Functions of one's own are imported from the folder `root`. Raises InputError.
    """
    wanted = list(dict.fromkeys(names)) or [default_scorer(task)]
    return tuple(_scorer(text, task, judges, root) for text in wanted)


def _scorer(text: str, task: Task, judges: Judges, root: str) -> Scorer:
    name, _, argument = text.partition(":")
    needs_expected = name not in _WITHOUT_EXPECTED
    if name in _BOUNDED:
        make, usual = _BOUNDED[name]
        return Scorer(text, make(_number(text, argument, usual)), needs_expected)
    if name == "regex":
        return Scorer(text, texts.matching(argument), needs_expected)
    if argument and name not in NAMES:
        return _own(text, root)
    if argument:
        raise InputError(f"scorer {name!r} takes nothing after a colon", hint=f"write `{name}`")
    if name in _PLAIN:
        return Scorer(name, _PLAIN[name])
    if name in _JUDGED:
        return Scorer(name, _JUDGED[name](task, judges), needs_expected)
    if name == "refusal":
        return Scorer(name, conduct.refusal, needs_expected, of_all=True)
    hint = did_you_mean(name, NAMES, what="there are")
    raise InputError(f"there is no scorer {name!r}", hint=f"{hint}; or name module:function")


def _number(text: str, argument: str, usual: float | None) -> float:
    try:
        number = float(argument) if argument else usual
    except ValueError:
        number = None
    if number is None or not 0 <= number < float("inf"):
        name = text.partition(":")[0]
        raise InputError(
            f"scorer {text!r} needs a number that is at least 0 after its colon",
            hint=f"for example `{name}:0.01`",
        )
    return number


def _own(text: str, root: str) -> Scorer:
    try:
        function = import_name(text, root=Path(root))
    except ImportProblem as problem:
        raise InputError(
            f"scorer {text!r} cannot be imported: {problem}",
            hint=f"write it as module:function(answer, expected, item), with the module in {root}",
        ) from problem

    def score(case: Case) -> float:
        try:
            return float(function(case.answer, case.item.expected, case.item))
        except Exception as error:
            # A user's function may raise anything; which item it was is what helps.
            raise InputError(
                f"scorer {text!r} raised {type(error).__name__} at item {case.item.id!r}"
            ) from error

    # What it needs only it knows.
    return Scorer(text, score, needs_expected=False)
