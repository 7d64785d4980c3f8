"""The functions and filters of expressions, over exact decimals.

Each takes values of JSON; numbers reach it as they are and leave it as Decimal.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

import msgspec

from aihandler.domain.task import Json

# Wide enough for any sum of money; what does not fit is an error and never rounded in silence.
PRECISION = 100
MAX_EXPONENT = 999
MAX_TEXT = 10_000_000
MAX_ROUND_DIGITS = 20


class EvaluationProblem(Exception):
    """Why an expression has no value. Never quotes a value: messages reach logs."""


class Undefined:
    """A value that is not there; `path` says which."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __bool__(self) -> bool:
        return False


class Budget:
    """Steps that an evaluation may still take, so that none runs for long."""

    __slots__ = ("_left",)

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises EvaluationProblem when no step is left."""
        self._left -= steps
        if self._left < 0:
            raise EvaluationProblem("the expression takes too many steps")

    def spend_text(self, text: str) -> str:
        """A long text costs more; returns it."""
        if len(text) > MAX_TEXT:
            raise EvaluationProblem(f"a text grows longer than {MAX_TEXT} characters")
        self.spend(1 + len(text) // 1_000)
        return text


def defined(value: Json) -> Json:
    """`value`, which must be there."""
    if isinstance(value, Undefined):
        raise EvaluationProblem(f"{value.path} is not there")
    return value


def is_number(value: Json) -> bool:
    """True for numbers; a bool is none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def number(value: Json) -> Decimal:
    """The exact decimal that a JSON number was written as."""
    value = defined(value)
    if not is_number(value):
        raise EvaluationProblem(f"{kind(value)} where a number is expected")
    if isinstance(value, int) and value.bit_length() > PRECISION * 3:
        raise EvaluationProblem(f"a number of more than {PRECISION} digits")
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    # Written out, 1e999999 is a million digits.
    if not exact.is_finite() or abs(exact.adjusted()) > MAX_EXPONENT:
        raise EvaluationProblem("a number out of range")
    return exact


def calculate(operator: str, left: Decimal, right: Decimal) -> Decimal:
    """`+ - *` exactly, `/ // %` to 28 digits."""
    try:
        match operator:
            case "+":
                return _exact().add(left, right)
            case "-":
                return _exact().subtract(left, right)
            case "*":
                return _exact().multiply(left, right)
            case "/":
                return _rounded().divide(left, right)
            case "//":
                return _floor(left, right)
        return _exact().subtract(left, _exact().multiply(_floor(left, right), right))
    except DivisionByZero:
        raise EvaluationProblem("division by zero") from None
    except DecimalException as error:
        # 0 / 0 and 0 // 0 signal an invalid operation.
        why = "division by zero" if right == 0 and operator in "//%" else "number out of range"
        raise EvaluationProblem(why) from error


def kind(value: Json) -> str:
    """What a value is, in words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    return "a value"


class Function(msgspec.Struct, frozen=True):
    """How a function is called, and what it does."""

    apply: Callable[..., Json]
    least: int = 1
    most: int = 1
    named: tuple[str, ...] = ()

    def objection(self, given: int, named: tuple[str, ...]) -> str:
        """Says what is wrong with a call of this many arguments, or nothing."""
        unknown = [name for name in named if name not in self.named]
        if unknown:
            return f"no argument {unknown[0]!r}"
        if self.least <= given and given + len(named) <= self.most:
            return ""
        wanted = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"takes {wanted} arguments, not {given + len(named)}"


def _exact() -> Context:
    traps = [InvalidOperation, DivisionByZero, Overflow, Inexact]
    return Context(prec=PRECISION, Emax=MAX_EXPONENT, Emin=-MAX_EXPONENT, traps=traps)


def _rounded() -> Context:
    return Context(
        prec=28,
        Emax=MAX_EXPONENT,
        Emin=-MAX_EXPONENT,
        traps=[InvalidOperation, DivisionByZero, Overflow],
    )


def _floor(left: Decimal, right: Decimal) -> Decimal:
    quotient = _exact().divide_int(left, right)
    whole = _exact().multiply(quotient, right) == left
    return quotient if whole or (left < 0) == (right < 0) else quotient - 1


_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((int, float, Decimal), "a number"),
    ((str,), "a text"),
    ((Mapping,), "an object"),
    ((Sequence,), "a list"),
)


def _text(value: Json) -> str:
    value = defined(value)
    if not isinstance(value, str):
        raise EvaluationProblem(f"{kind(value)} where a text is expected")
    return value


def _list(value: Json) -> Sequence[Json]:
    value = defined(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise EvaluationProblem(f"{kind(value)} where a list is expected")
    return value


def _column(items: Json, attribute: Json, budget: Budget) -> list[Json]:
    values = _list(items)
    budget.spend(len(values))
    if attribute is None:
        return list(values)
    name = _text(attribute)
    return [_member(item, name) for item in values]


def _member(item: Json, name: str) -> Json:
    if not isinstance(item, Mapping) or name not in item:
        raise EvaluationProblem(f"an item of the list has no {name!r}")
    return item[name]


def _sum(budget: Budget, items: Json, attribute: Json = None) -> Json:
    total = Decimal(0)
    for value in _column(items, attribute, budget):
        total = calculate("+", total, number(value))
    return total


def _extreme(pick: Callable[..., Json]) -> Callable[..., Json]:
    def apply(budget: Budget, *values: Json, attribute: Json = None) -> Json:
        if isinstance(values[0], list | tuple):
            column = _column(values[0], values[1] if len(values) > 1 else attribute, budget)
        else:
            column = list(values)
        if not column:
            raise EvaluationProblem("no least or greatest of an empty list")
        if all(isinstance(value, str) for value in column):
            return pick(column)
        return pick(number(value) for value in column)

    return apply


def _round(_: Budget, value: Json, digits: Json = Decimal(0)) -> Json:
    places = number(digits)
    if places != int(places) or not 0 <= places <= MAX_ROUND_DIGITS:
        raise EvaluationProblem(f"round to 0 to {MAX_ROUND_DIGITS} digits")
    step = Decimal(1).scaleb(-int(places))
    try:
        return number(value).quantize(step, rounding=ROUND_HALF_UP, context=_wide())
    except DecimalException as error:
        raise EvaluationProblem("number out of range") from error


def _wide() -> Context:
    return Context(
        prec=PRECISION, Emax=MAX_EXPONENT, Emin=-MAX_EXPONENT, traps=[InvalidOperation, Overflow]
    )


def _abs(_: Budget, value: Json) -> Json:
    return number(value).copy_abs()


def _length(_: Budget, value: Json) -> Json:
    value = defined(value)
    if not isinstance(value, str | Sequence | Mapping):
        raise EvaluationProblem(f"{kind(value)} has no length")
    return Decimal(len(value))


def _lower(budget: Budget, value: Json) -> Json:
    return budget.spend_text(_text(value)).lower()


def _upper(budget: Budget, value: Json) -> Json:
    return budget.spend_text(_text(value)).upper()


def _trim(budget: Budget, value: Json) -> Json:
    return budget.spend_text(_text(value)).strip()


def _end(index: int) -> Callable[..., Json]:
    def apply(_: Budget, value: Json) -> Json:
        value = defined(value)
        items = value if isinstance(value, str) else _list(value)
        return items[index] if items else Undefined("an item of an empty list")

    return apply


def _default(_: Budget, value: Json, fallback: Json = "", falsy: Json = False) -> Json:
    missing = isinstance(value, Undefined) or (falsy is True and not value)
    return fallback if missing else value


def _number_of(budget: Budget, value: Json) -> Json:
    if is_number(value):
        return number(value)
    text = budget.spend_text(_text(value)).strip()
    try:
        read = Decimal(text) if len(text) <= PRECISION else None
    except DecimalException:
        read = None
    if read is None or not read.is_finite():
        raise EvaluationProblem("a text that is not a number")
    return read


def _int(budget: Budget, value: Json) -> Json:
    return _floor(_number_of(budget, value).copy_abs(), Decimal(1)).copy_sign(
        _number_of(budget, value)
    )


def _day(value: Json) -> datetime.date:
    text = _text(value)
    try:
        # A moment counts as its day.
        return datetime.date.fromisoformat(text[:10] if text[10:11] in {"T", " "} else text)
    except ValueError:
        raise EvaluationProblem("a text that is not a date like 2024-01-31") from None


def _date(_: Budget, value: Json) -> Json:
    return _day(value).isoformat()


def _days_between(_: Budget, first: Json, second: Json) -> Json:
    return Decimal((_day(second) - _day(first)).days)


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(_abs),
    "date": Function(_date),
    "days_between": Function(_days_between, least=2, most=2),
    "default": Function(_default, most=3),
    "first": Function(_end(0)),
    "float": Function(_number_of),
    "int": Function(_int),
    "last": Function(_end(-1)),
    "length": Function(_length),
    "lower": Function(_lower),
    "max": Function(_extreme(max), most=20, named=("attribute",)),
    "min": Function(_extreme(min), most=20, named=("attribute",)),
    "number": Function(_number_of),
    "round": Function(_round, most=2),
    "sum": Function(_sum, most=2, named=("attribute",)),
    "trim": Function(_trim),
    "upper": Function(_upper),
}

# The tests after `is`, and how many arguments each takes.
TESTS: Mapping[str, int] = {
    "defined": 0,
    "undefined": 0,
    "none": 0,
    "true": 0,
    "false": 0,
    "boolean": 0,
    "number": 0,
    "string": 0,
    "sequence": 0,
    "mapping": 0,
    "startingwith": 1,
    "endingwith": 1,
}
