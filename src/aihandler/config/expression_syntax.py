"""Reads an expression: text to tree. The syntax is minijinja's, without statements and `**`."""

import re
from collections.abc import Collection
from decimal import Decimal

import msgspec

from aihandler.config.expression_functions import FUNCTIONS, TESTS
from aihandler.config.words import did_you_mean

MAX_CHARS = 4_000
MAX_NESTING = 40
# Also bounds the depth of the tree, which evaluation walks by recursion.
MAX_OPERATORS = 120
MAX_DIGITS = 40


class ExpressionProblem(Exception):
    """What cannot be read, and its column (from 1)."""

    def __init__(self, message: str, column: int, *, hint: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.hint = hint


class Constant(msgspec.Struct, frozen=True):
    """A literal: text, Decimal, bool or None."""

    value: str | Decimal | bool | None


class Name(msgspec.Struct, frozen=True):
    """A value that the caller gives."""

    name: str


class Attribute(msgspec.Struct, frozen=True):
    """`of.name`"""

    of: "Node"
    name: str


class Index(msgspec.Struct, frozen=True):
    """`of[key]`"""

    of: "Node"
    key: "Node"


class Items(msgspec.Struct, frozen=True):
    """`[a, b]`"""

    items: tuple["Node", ...]


class Prefix(msgspec.Struct, frozen=True):
    """`not a` or `-a`"""

    operator: str
    operand: "Node"


class Binary(msgspec.Struct, frozen=True):
    """`left operator right`"""

    operator: str
    left: "Node"
    right: "Node"


class Choice(msgspec.Struct, frozen=True):
    """`then if condition else otherwise`"""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


class Call(msgspec.Struct, frozen=True):
    """`function(a, b=c)`; a filter is a call whose first argument stands left of the bar."""

    function: str
    arguments: tuple["Node", ...]
    named: tuple[tuple[str, "Node"], ...] = ()


class Test(msgspec.Struct, frozen=True):
    """`of is [not] name`"""

    # Pytest must not take this for tests.
    __test__ = False

    of: "Node"
    name: str
    negated: bool
    arguments: tuple["Node", ...] = ()


Node = Constant | Name | Attribute | Index | Items | Prefix | Binary | Choice | Call | Test


def parse(text: str) -> Node:
    """The tree of `text`. Raises ExpressionProblem."""
    if len(text) > MAX_CHARS:
        raise ExpressionProblem(f"longer than {MAX_CHARS} characters", MAX_CHARS)
    parser = _Parser(_tokens(text))
    node = parser.expression()
    parser.expect_end()
    return node


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    column: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d[\d_]*(?:\.\d+)?(?![\w.]))
      |(?P<name>[^\W\d]\w*)
      |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      |(?P<sign>==|!=|<=|>=|//|[-+*/%~<>()\[\],.|=]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "none": None,
    "None": None,
    "null": None,
}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in"})
_STRENGTH = {"or": 1, "and": 2, "+": 5, "-": 5, "~": 6, "*": 7, "/": 7, "//": 7, "%": 7}
_STRENGTH |= dict.fromkeys(_COMPARISONS, 4)
_NOT_STRENGTH = 3
_WORDS = frozenset({"or", "and", "not", "in", "is", "if", "else"})


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionProblem(f"cannot read {text[start : start + 10]!r}", start + 1)
        kind = found.lastgroup
        tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        at = found.end()
    return [*tokens, _Token("end", "", end + 1)]


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0
        self._operators = 0

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._now
        self._at += 1
        return token

    def _take(self, *texts: str) -> _Token | None:
        if self._now.kind in {"sign", "name"} and self._now.text in texts:
            return self._next()
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise ExpressionProblem(f"expected {text!r}, found {self._now}", self._now.column)

    def _count(self) -> None:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise ExpressionProblem(f"more than {MAX_OPERATORS} operators", self._now.column)

    def expect_end(self) -> None:
        if self._now.kind != "end":
            hint = "write == to compare" if self._now.text == "=" else ""
            raise ExpressionProblem(
                f"expected an operator, found {self._now}", self._now.column, hint=hint
            )

    def expression(self) -> Node:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionProblem(f"nested more than {MAX_NESTING} deep", self._now.column)
        node = self._binary(0)
        if self._take("if"):
            condition = self._binary(0)
            self._expect("else")
            node = Choice(condition, node, self.expression())
        self._nesting -= 1
        return node

    def _binary(self, strength: int) -> Node:
        left = self._prefixed()
        while True:
            operator = self._operator()
            if operator is None or _STRENGTH[operator] <= strength:
                return left
            column = self._now.column
            self._at += 2 if operator == "not in" else 1
            self._count()
            right = self._binary(_STRENGTH[operator])
            if operator in _COMPARISONS and self._operator() in _COMPARISONS:
                raise ExpressionProblem(
                    "two comparisons in a row", column, hint="join them: a < b and b < c"
                )
            left = Binary(operator, left, right)

    def _operator(self) -> str | None:
        if self._now.kind not in {"sign", "name"}:
            return None
        if self._now.text == "not" and self._tokens[self._at + 1].text == "in":
            return "not in"
        return self._now.text if self._now.text in _STRENGTH else None

    def _prefixed(self) -> Node:
        if self._take("not"):
            self._count()
            return Prefix("not", self._binary(_NOT_STRENGTH))
        node = self._signed()
        while True:
            if self._take("|"):
                node = self._filter(node)
            elif self._take("is"):
                node = self._test(node)
            else:
                return node

    def _signed(self) -> Node:
        if self._take("-"):
            self._count()
            return Prefix("-", self._signed())
        return self._postfixed()

    def _postfixed(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                self._count()
                node = Attribute(node, self._name("a name after '.'"))
            elif self._take("["):
                self._count()
                key = self.expression()
                self._expect("]")
                node = Index(node, key)
            elif self._now.text == "(" and self._now.kind == "sign":
                raise ExpressionProblem(
                    "only functions can be called",
                    self._now.column,
                    hint=f"functions: {', '.join(sorted(FUNCTIONS))}",
                )
            else:
                return node

    def _primary(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return _number(token)
        if token.kind == "text":
            return Constant(_unescaped(token.text[1:-1]))
        if token.kind == "name" and token.text not in _WORDS:
            return self._named(token)
        if token.text == "(" and token.kind == "sign":
            node = self.expression()
            self._expect(")")
            return node
        if token.text == "[" and token.kind == "sign":
            return Items(self._items("]"))
        self._at -= 1
        raise ExpressionProblem(f"expected a value, found {token}", token.column)

    def _named(self, token: _Token) -> Node:
        if token.text in _CONSTANTS:
            return Constant(_CONSTANTS[token.text])
        if self._now.kind != "sign" or self._now.text != "(":
            return Name(token.text)
        _known(token.text, FUNCTIONS, what="function", column=token.column)
        return self._call(token.text, ())

    def _filter(self, node: Node) -> Node:
        column = self._now.column
        name = self._name("a filter after '|'")
        _known(name, FUNCTIONS, what="filter", column=column)
        if self._now.text == "(" and self._now.kind == "sign":
            return self._call(name, (node,))
        self._count()
        return Call(name, (node,))

    def _call(self, name: str, given: tuple[Node, ...]) -> Node:
        self._count()
        column = self._now.column
        self._expect("(")
        arguments, named = list(given), []
        while not self._take(")"):
            if self._now.kind == "name" and self._tokens[self._at + 1].text == "=":
                key = self._next().text
                self._expect("=")
                named.append((key, self.expression()))
            else:
                arguments.append(self.expression())
            if not self._take(","):
                self._expect(")")
                break
        problem = FUNCTIONS[name].objection(len(arguments), tuple(key for key, _ in named))
        if problem:
            raise ExpressionProblem(f"{name}: {problem}", column)
        return Call(name, tuple(arguments), tuple(named))

    def _test(self, node: Node) -> Node:
        self._count()
        negated = self._take("not") is not None
        column = self._now.column
        name = self._name("a test after 'is'")
        _known(name, TESTS, what="test", column=column)
        arguments = self._items(")") if self._take("(") else ()
        if len(arguments) != TESTS[name]:
            raise ExpressionProblem(f"test {name!r} takes {TESTS[name]} arguments", column)
        return Test(node, name, negated, arguments)

    def _items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            items.append(self.expression())
            if not self._take(","):
                self._expect(end)
                break
        return tuple(items)

    def _name(self, expected: str) -> str:
        token = self._next()
        if token.kind != "name":
            raise ExpressionProblem(f"expected {expected}, found {token}", token.column)
        return token.text


def _known(name: str, known: Collection[str], *, what: str, column: int) -> None:
    if name not in known:
        raise ExpressionProblem(
            f"no {what} {name!r}", column, hint=did_you_mean(name, known, what=f"{what}s")
        )


def _number(token: _Token) -> Constant:
    digits = token.text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise ExpressionProblem(f"a number of more than {MAX_DIGITS} digits", token.column)
    return Constant(Decimal(digits))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
