"""Budgets and limits of the file."""

from collections.abc import Iterator, Sequence

from aihandler.config.configuration import RateLimit
from aihandler.config.draft import Draft
from aihandler.config.file import BudgetKeys, LimitKeys
from aihandler.config.places import Path
from aihandler.domain.budget import Budget
from aihandler.domain.scopes import EACH, EVERYTHING
from aihandler.domain.usage import NANO

_KINDS = ("key", "team", "user", "task", "deployment")
# Whose names the file knows; teams and users stand in the keys of clients.
_SECTIONS = {"task": "tasks", "deployment": "deployments"}


def build_budgets(rows: Sequence[BudgetKeys], draft: Draft) -> tuple[Budget, ...]:
    """Every budget. Two of one scope differ in their period."""
    return tuple(_budgets(rows, draft))


def build_limits(rows: Sequence[LimitKeys], draft: Draft) -> tuple[RateLimit, ...]:
    """Every limit, one for each scope."""
    return tuple(_limits(rows, draft))


def _budgets(rows: Sequence[BudgetKeys], draft: Draft) -> Iterator[Budget]:
    seen: set[tuple[str, str]] = set()
    for at, row in enumerate(rows):
        path: Path = ("budgets", at)
        scope = _scope(row, path, draft)
        nano = row.usd * NANO
        if nano != nano.to_integral_value():
            draft.wrong((*path, "usd"), "usd has more than nine digits behind the point")
        if (scope, row.per) in seen:
            draft.wrong(path, f"{scope!r} has a budget per {row.per} already", hint="keep one")
        seen.add((scope, row.per))
        yield Budget(scope, int(nano), row.per, row.unpriced)


def _limits(rows: Sequence[LimitKeys], draft: Draft) -> Iterator[RateLimit]:
    seen: set[str] = set()
    for at, row in enumerate(rows):
        path: Path = ("limits", at)
        scope = _scope(row, path, draft)
        if row.requests_per_minute is None and row.tokens_per_minute is None:
            draft.wrong(path, "limits nothing", hint="say requests_per_minute or tokens_per_minute")
        if scope in seen:
            draft.wrong(path, f"{scope!r} has a limit already", hint="keep one")
        seen.add(scope)
        yield RateLimit(scope, row.requests_per_minute, row.tokens_per_minute)


def _scope(row: BudgetKeys | LimitKeys, path: Path, draft: Draft) -> str:
    named = [(kind, name) for kind in _KINDS if (name := getattr(row, kind, None)) is not None]
    if len(named) > 1:
        words = " and ".join(kind for kind, _ in named)
        draft.wrong(path, f"names {words}: it is one's alone", hint="make one row for each")
    if not named:
        return EVERYTHING
    kind, name = named[0]
    if kind in _SECTIONS and name != EACH and not name.startswith("model/"):
        draft.must_exist(_SECTIONS[kind], name, (*path, kind))
    return f"{kind}:{name}"
