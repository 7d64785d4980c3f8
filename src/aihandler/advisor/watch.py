"""What was advised last, kept in a file beside the ledger, and what has become of it since."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from aihandler.advisor.economics.figures import UNDATED
from aihandler.advisor.report import Report, TaskReport
from aihandler.advisor.verdicts import Outcome
from aihandler.errors import StorageError

FILE_NAME = "advice.json"
# Numbers that moved by less are not told: every month is a little different.
_TOLD_FROM = 0.05


class KeptFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price or a rate that the cost stood on."""

    value: float
    source: str
    as_of: str = ""


class KeptVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict, and what it stood on: facts as text, the middle cost of the first year, prices
    and growth, and the comparison that showed its quality, with its interval."""

    outcome: Outcome
    decided_by: str
    facts: dict[str, str]
    first_year_usd: dict[str, float] = {}
    figures: dict[str, KeptFigure] = {}
    quality: str = ""
    quality_points: tuple[float, float] | None = None


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdicts of one advice, by task; `made_at` in seconds since 1970."""

    made_at: float
    tasks: dict[str, KeptVerdict]
    origin: str = ""


class Flip(msgspec.Struct, frozen=True):
    """A verdict that is another one; None where the task is new or gone."""

    task: str
    before: Outcome | None
    after: Outcome | None
    reason: str


class Moved(msgspec.Struct, frozen=True):
    """What has changed under a verdict that stands: prices, growth, quality, costs."""

    task: str
    changes: tuple[str, ...]


class Watched(msgspec.Struct, frozen=True):
    """`since` is when the verdicts before were kept, in seconds since 1970; None: never, or of
    another profile, which `other` names."""

    since: float | None
    flips: tuple[Flip, ...] = ()
    moved: tuple[Moved, ...] = ()
    other: str = ""


def kept(advice: Report) -> Kept:
    """What is to be remembered of an advice: verdicts and numbers, no text of a document."""
    verdicts = {task.task: _verdict(task) for task in advice.tasks}
    return Kept(advice.made_at, verdicts, advice.origin)


def watched(before: Kept | None, advice: Report) -> Watched:
    """What has become of the verdicts that were kept."""
    if before is None:
        return Watched(None)
    if before.origin and before.origin != advice.origin:
        # Tasks of one company are not flips of another.
        return Watched(None, other=before.origin)
    after = kept(advice).tasks
    standing = {n: v for n, v in after.items() if _outcome(before, n) == v.outcome}
    moved = (Moved(name, _changes(before.tasks[name], v)) for name, v in standing.items())
    return Watched(before.made_at, flips(before, advice), tuple(m for m in moved if m.changes))


def _outcome(before: Kept, task: str) -> Outcome | None:
    return before.tasks[task].outcome if task in before.tasks else None


def flips(before: Kept, advice: Report) -> tuple[Flip, ...]:
    """What has changed, with the reason. Tasks that come and go are told too."""
    after = kept(advice).tasks
    return tuple(_flips(before.tasks, after))


def last_kept(path: Path) -> Kept | None:
    """None when there is none yet. Raises StorageError: cannot be read, or is no such file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(
            f"cannot read the last verdicts in {str(path)!r}: {type(error).__name__}",
            hint="move the file away: the watch begins anew",
        ) from error


def keep(path: Path, advice: Report) -> None:
    """Replaces the file as a whole, or raises StorageError and leaves it as it was."""
    written = msgspec.json.format(msgspec.json.encode(kept(advice)), indent=2)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _temporary(path) as (handle, name):
            with os.fdopen(handle, "wb") as file:
                file.write(written + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot keep the verdicts in {str(path)!r}: {error.strerror}",
            hint="make its folder writable, or free some room",
        ) from error


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        yield handle, name
    finally:
        # It is gone when it has taken the place of the old one.
        Path(name).unlink(missing_ok=True)


def _verdict(task: TaskReport) -> KeptVerdict:
    facts = {name: _shown(value) for name, value in task.facts.items() if value is not None}
    totals = task.total_cost.totals if task.total_cost else ()
    quality = task.quality
    return KeptVerdict(
        task.verdict.outcome,
        task.verdict.decided_by,
        facts,
        {total.option: total.first_year_usd.median for total in totals},
        {
            name: KeptFigure(figure.value, figure.source, figure.as_of)
            for name, figure in task.figures.items()
            if figure.unit.startswith("USD") or name.startswith("growth")
        },
        quality.source if quality else "",
        (float(quality.low), float(quality.high)) if quality else None,
    )


def _shown(value: Decimal | str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else value


def _flips(before: Mapping[str, KeptVerdict], after: Mapping[str, KeptVerdict]) -> Iterator[Flip]:
    for task, now in after.items():
        then = before.get(task)
        if then is None:
            yield Flip(task, None, now.outcome, f"a new task; {now.decided_by}")
        elif then.outcome != now.outcome:
            yield Flip(task, then.outcome, now.outcome, _reason(then, now))
    for task in before.keys() - after.keys():
        yield Flip(task, before[task].outcome, None, "nothing is known of this task any more")


def _reason(then: KeptVerdict, now: KeptVerdict) -> str:
    changed = _changes(then, now)
    moved = f"; changed: {', '.join(changed)}" if changed else ""
    return f"{now.decided_by} (before: {then.decided_by}){moved}"


def _changes(then: KeptVerdict, now: KeptVerdict) -> tuple[str, ...]:
    return (
        *_facts_changed(then.facts, now.facts),
        *_figures_changed(then.figures, now.figures),
        *_quality_changed(then, now),
        *_costs_changed(then, now),
    )


def _figures_changed(
    then: Mapping[str, KeptFigure], now: Mapping[str, KeptFigure]
) -> Iterator[str]:
    """Prices and growth, each with the row that it comes from; any change counts."""
    for name in sorted(then.keys() & now.keys()):
        old, new = then[name], now[name]
        if old.value == new.value:
            continue
        by = f" ({100 * (new.value / old.value - 1):+.0f} %)" if old.value else ""
        where = new.source if old.source == new.source else f"{old.source} -> {new.source}"
        day = f", {new.as_of}" if new.as_of not in ("", UNDATED) else ""
        yield f"{name} {old.value:,g} -> {new.value:,g}{by} [{where}{day}]"


def _quality_changed(then: KeptVerdict, now: KeptVerdict) -> Iterator[str]:
    if then.quality == now.quality:
        return
    told = [
        f"{v.quality}: {v.quality_points[0]:+g} to {v.quality_points[1]:+g} points"
        if v.quality_points
        else "no comparison"
        for v in (then, now)
    ]
    yield f"quality: {told[0]} -> {told[1]}"


def _facts_changed(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        old, new = then.get(name, "not known"), now.get(name, "not known")
        share = _change(old, new)
        # A purpose in words decides nothing.
        if old == new or name == "does" or (share is not None and abs(share) < _TOLD_FROM):
            continue
        by = "" if share is None else f" ({100 * share:+.0f} %)"
        yield f"{name} {_grouped(old)} to {_grouped(new)}{by}"


def _costs_changed(then: KeptVerdict, now: KeptVerdict) -> Iterator[str]:
    for option, new in now.first_year_usd.items():
        old = then.first_year_usd.get(option)
        if old and abs(new / old - 1) >= _TOLD_FROM:
            by = f"({100 * (new / old - 1):+.0f} %)"
            yield f"first year of {option} ${old:,.0f} to ${new:,.0f} {by}"


def _change(old: str, new: str) -> float | None:
    try:
        first, last = Decimal(old), Decimal(new)
    except ArithmeticError:
        return None
    return float(last / first - 1) if first else None


def _grouped(text: str) -> str:
    try:
        number = Decimal(text)
        # A mean has more digits than anybody reads.
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.4g}"
    except ArithmeticError:
        return text
