"""The language of `when`, `reads`, `check` and `arithmetic`: expressions over exact decimals."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from aihandler.config.expression_functions import (
    FUNCTIONS,
    PRECISION,
    Budget,
    EvaluationProblem,
    Undefined,
    calculate,
    defined,
    is_number,
    kind,
    number,
)
from aihandler.config.expression_syntax import (
    Attribute,
    Binary,
    Call,
    Choice,
    Constant,
    ExpressionProblem,
    Index,
    Items,
    Name,
    Node,
    Prefix,
    Test,
    parse,
)
from aihandler.domain.task import Json
from aihandler.errors import ConfigError, InputError

__all__ = ["Expression", "ExpressionError"]

MAX_STEPS = 100_000
MAX_DEPTH = 50


class ExpressionError(InputError):
    """An expression that has no value for this document."""

    code = "expression"


class Expression:
    """A compiled expression.

    `names` are the values that it reads; `paths` say which part of each (`document.subject`).
    `where` (a path of the configuration) stands in the messages.
    """

    __slots__ = ("_root", "names", "paths", "text", "where")

    def __init__(self, text: str, *, where: str = "") -> None:
        self.text = text
        self.where = where
        try:
            self._root = parse(text)
        except ExpressionProblem as problem:
            raise ConfigError(
                f"cannot read the expression {text!r}: {problem} in column {problem.column}"
                + _at(where),
                hint=problem.hint,
            ) from None
        self.paths = frozenset(_paths(self._root))
        self.names = frozenset(path.partition(".")[0] for path in self.paths)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, values: Mapping[str, Json]) -> Json:
        """The value; computed numbers are int when whole, else Decimal.

        Raises ExpressionError, also when the value is not there.
        """
        try:
            return _plain(defined(self._value(values)))
        except EvaluationProblem as problem:
            raise self._error(problem) from None

    def holds(self, values: Mapping[str, Json]) -> bool:
        """True when the value is true, not zero and not empty. Raises ExpressionError."""
        try:
            return bool(self._value(values))
        except EvaluationProblem as problem:
            raise self._error(problem) from None

    def _value(self, values: Mapping[str, Json]) -> Json:
        return _Evaluation(values, Budget(MAX_STEPS)).value(self._root)

    def _error(self, problem: EvaluationProblem) -> ExpressionError:
        return ExpressionError(
            f"{self.text!r} has no value: {problem}{_at(self.where)}",
            hint="`x is defined` and `x|default(0)` allow for what may be missing",
        )


class _Evaluation:
    def __init__(self, values: Mapping[str, Json], budget: Budget) -> None:
        self._values = values
        self._budget = budget

    def value(self, node: Node) -> Json:
        self._budget.spend()
        match node:
            case Constant(value):
                return value
            case Name(name):
                return self._values[name] if name in self._values else Undefined(name)
            case Attribute(of, name):
                return _member(self.value(of), name, node)
            case Index(of, key):
                return _member(self.value(of), defined(self.value(key)), node)
            case Items(items):
                return [defined(self.value(item)) for item in items]
            case Call(function, arguments, named):
                return self._call(function, arguments, named)
            case Test():
                return self._test(node)
        return self._operation(node)

    def _operation(self, node: Prefix | Binary | Choice) -> Json:
        match node:
            case Choice(condition, then, otherwise):
                return self.value(then if self.value(condition) else otherwise)
            case Prefix("not", operand):
                return not self.value(operand)
            case Prefix(_, operand):
                # Not the unary minus, which would round to the precision of the thread.
                return number(self.value(operand)).copy_negate()
            case Binary("and", left, right):
                return self.value(left) and self.value(right)
            case Binary("or", left, right):
                return self.value(left) or self.value(right)
        return self._binary(node.operator, self.value(node.left), self.value(node.right))

    def _binary(self, operator: str, left: Json, right: Json) -> Json:
        left, right = defined(left), defined(right)
        match operator:
            case "==":
                return self._equal(left, right, 0)
            case "!=":
                return not self._equal(left, right, 0)
            case "in":
                return self._contains(right, left)
            case "not in":
                return not self._contains(right, left)
            case "<" | "<=" | ">" | ">=":
                return _ordered(operator, left, right)
            case "~":
                return self._budget.spend_text(_shown(left) + _shown(right))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self._budget.spend_text(left + right)
        return calculate(operator, number(left), number(right))

    def _equal(self, left: Json, right: Json, depth: int) -> bool:
        self._budget.spend()
        if depth > MAX_DEPTH:
            raise EvaluationProblem(f"values nested more than {MAX_DEPTH} deep")
        if is_number(left) and is_number(right):
            return number(left) == number(right)
        if isinstance(left, str) and isinstance(right, str):
            return left == right
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            return left.keys() == right.keys() and all(
                self._equal(left[key], right[key], depth + 1) for key in left
            )
        if _is_list(left) and _is_list(right):
            return len(left) == len(right) and all(
                self._equal(a, b, depth + 1) for a, b in zip(left, right, strict=True)
            )
        # null, true and false are equal to nothing but themselves.
        return left is right

    def _contains(self, container: Json, item: Json) -> bool:
        if isinstance(container, str) and isinstance(item, str):
            return item in self._budget.spend_text(container)
        if isinstance(container, Mapping):
            return isinstance(item, str) and item in container
        if _is_list(container):
            return any(self._equal(item, other, 0) for other in container)
        raise EvaluationProblem(f"{kind(item)} cannot be in {kind(container)}")

    def _call(
        self, function: str, arguments: Sequence[Node], named: Sequence[tuple[str, Node]]
    ) -> Json:
        given = [self.value(argument) for argument in arguments]
        by_name = {key: self.value(value) for key, value in named}
        return FUNCTIONS[function].apply(self._budget, *given, **by_name)

    def _test(self, test: Test) -> bool:
        value = self.value(test.of)
        if test.name == "defined":
            return isinstance(value, Undefined) == test.negated
        if test.name == "undefined":
            return isinstance(value, Undefined) != test.negated
        arguments = [defined(self.value(argument)) for argument in test.arguments]
        return _passes(test.name, defined(value), arguments) != test.negated


def _passes(name: str, value: Json, arguments: Sequence[Json]) -> bool:
    match name:
        case "none":
            return value is None
        case "true" | "false":
            return value is (name == "true")
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return is_number(value)
        case "string":
            return isinstance(value, str)
        case "sequence":
            return _is_list(value)
        case "mapping":
            return isinstance(value, Mapping)
    if not isinstance(value, str) or not isinstance(arguments[0], str):
        raise EvaluationProblem(f"{kind(value)} where a text is expected")
    return (
        value.startswith(arguments[0]) if name == "startingwith" else value.endswith(arguments[0])
    )


def _member(of: Json, key: Json, node: Attribute | Index) -> Json:
    if isinstance(of, Mapping) and isinstance(key, str) and key in of:
        return of[key]
    if (isinstance(of, str) or _is_list(of)) and is_number(key):
        at = number(key)
        if at == int(at) and -len(of) <= at < len(of):
            return of[int(at)]
    return Undefined(_path(node) or str(key))


def _is_list(value: Json) -> bool:
    return isinstance(value, list | tuple)


def _ordered(operator: str, left: Json, right: Json) -> bool:
    if not (isinstance(left, str) and isinstance(right, str)):
        if is_number(left) != is_number(right):
            raise EvaluationProblem(f"{kind(left)} cannot be compared with {kind(right)}")
        left, right = number(left), number(right)
    match operator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
    return bool(left >= right)


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return f"{number(value):f}"
    raise EvaluationProblem(f"{kind(value)} cannot be joined to a text")


def _plain(value: Json) -> Json:
    if isinstance(value, Decimal):
        # Beyond that, 1E+999 would be written out.
        short = abs(value.adjusted()) < PRECISION
        return int(value) if short and value == value.to_integral_value() else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _at(where: str) -> str:
    return f" (at {where})" if where else ""


def _paths(node: Node) -> Iterator[str]:
    path = _path(node)
    if path is not None:
        yield path
        return
    for field in node.__struct_fields__:
        yield from _paths_within(getattr(node, field))


def _paths_within(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _paths_within(item)
    elif not isinstance(value, str | Decimal | bool | None):
        yield from _paths(value)  # type: ignore[arg-type]  # fields of nodes hold nodes otherwise


def _path(node: Node) -> str | None:
    match node:
        case Name(name):
            return name
        case Attribute(of, name):
            before = _path(of)
            return None if before is None else f"{before}.{name}"
        case Index(of, Constant(str() as name)):
            before = _path(of)
            return None if before is None else f"{before}.{name}"
    return None
