"""Sums, totals and orders that a value must fulfil."""

from typing import TYPE_CHECKING

from aihandler.domain.task import Json
from aihandler.errors import AIHandlerError
from aihandler.validation.verdict import Problem

if TYPE_CHECKING:
    from aihandler.config.expressions import Expression


class Arithmetic:
    """Expressions over a value's top-level keys, each of which must hold.

    An expression none of whose keys is there is passed over: the schema alone says what must be
    there. With some of them there and others not, it is a problem, as is one that cannot be
    evaluated. Raises ConfigError for an expression that is none.
    """

    def __init__(self, expressions: tuple[str, ...]) -> None:
        self._checks = tuple((text, _compiled(text)) for text in expressions)

    def problems(self, value: Json) -> tuple[Problem, ...]:
        """One problem for each expression that does not hold."""
        if not self._checks:
            return ()
        values = value if isinstance(value, dict) else {"value": value}
        found = (_problem(text, check, values) for text, check in self._checks)
        return tuple(problem for problem in found if problem is not None)


def _compiled(text: str) -> "Expression":
    # Tasks without arithmetic do not pay for the language of expressions.
    from aihandler.config.expressions import Expression

    return Expression(text, where="arithmetic")


def _problem(text: str, check: "Expression", values: dict[str, Json]) -> Problem | None:
    there = {name for name in check.names if values.get(name) is not None}
    if check.names and not there:
        return None
    try:
        holds = check.holds(values)
    except AIHandlerError:
        return Problem("", f"cannot be checked: {text}", "arithmetic")
    return None if holds else Problem("", f"does not fulfil: {text}", "arithmetic")
