"""Compiles and runs a chat template: Jinja without files, attributes or unbounded work.

Jinja's own sandbox keeps a template away from Python's inside, not from the machine: a nested loop
runs for years and `s + s` in a loop fills the memory. So loops and macros count steps, every text
that grows is counted before it is built, and filters and methods are those of a short list.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.environment import Template as JinjaTemplate
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from aihandler.backends.chat_templates.limits import (
    HINT,
    Allowance,
    TemplateFailed,
    TemplateLimits,
    TemplateRejected,
)

# A name with a space: no template can spell it.
_ALLOWANCE = "allowance of this rendering"
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items",
    "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse",
    "safe", "select", "selectattr", "sort", "string", "sum", "title", "trim", "unique", "upper",
)  # fmt: skip
_TEXT_METHODS = (
    "capitalize", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "isnumeric",
    "isspace", "join", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace",
    "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
    "title", "upper",
)  # fmt: skip
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}


class CompiledTemplate:
    """One template, compiled once; `render` may be called from several threads."""

    def __init__(
        self,
        name: str,
        source: str,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        limits: TemplateLimits,
    ) -> None:
        self.name = name
        self._limits = limits
        self._monotonic = monotonic
        self._template = _compiled(name, source, now, limits)

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for these variables; `TemplateFailed` when the template will not or must not."""
        allowance = Allowance(self._limits, self._monotonic, self.name)
        try:
            pieces = self._template.generate({**variables, _ALLOWANCE: allowance})
            return "".join(_bounded(pieces, self._limits, allowance))
        except TemplateFailed:
            raise
        # A template runs foreign code paths: whatever it trips over is its own failure. The
        # words of `raise_exception` may quote the conversation, so they stay out of the message.
        except Exception as error:  # noqa: BLE001
            raise TemplateFailed(
                f"chat template {self.name!r} cannot render this conversation"
                f" ({type(error).__name__})",
                hint=HINT,
            ) from None


def _bounded(pieces: Iterator[str], limits: TemplateLimits, allowance: Allowance) -> Iterator[str]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limits.characters:
            raise allowance.refusal(f"more than {limits.characters} characters")
        yield piece


def _compiled(
    name: str, source: str, now: Callable[[], datetime], limits: TemplateLimits
) -> JinjaTemplate:
    if len(source) > limits.source_characters:
        raise TemplateRejected(
            f"chat template {name!r} has {len(source)} characters,"
            f" at most {limits.source_characters}",
            hint=HINT,
        )
    environment = _Environment(now)
    try:
        tree = _Counted().visit(environment.parse(source))
        return JinjaTemplate.from_code(
            environment, environment.compile(tree), dict(environment.globals)
        )
    except TemplateSyntaxError as error:
        raise TemplateRejected(
            f"chat template {name!r}, line {error.lineno}: not valid Jinja", hint=HINT
        ) from None
    except (TemplateError, RecursionError, SyntaxError, ValueError) as error:
        raise TemplateRejected(
            f"chat template {name!r} cannot be compiled ({type(error).__name__})", hint=HINT
        ) from None


class _Counted(NodeTransformer):
    """Puts a counter into every loop and macro, and sees every text that is joined."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        return _with_step(self.generic_visit(node))

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        return _with_step(self.generic_visit(node))

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        return _with_step(self.generic_visit(node))

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        visited: Any = self.generic_visit(node)
        return _own_call("joined", visited.nodes, node.lineno)


def _with_step(node: Any) -> nodes.Node:
    fixed = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    call = _own_call("step", [nodes.Const(fixed, lineno=node.lineno)], node.lineno)
    node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
    return node  # type: ignore[no-any-return]  # jinja2 types no visitor


def _own_call(method: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    # An attribute of the environment is out of a template's reach; a name would not be.
    return nodes.Call(
        nodes.EnvironmentAttribute(method, lineno=line),
        [nodes.ContextReference(lineno=line), *arguments],
        [],
        None,
        None,
        lineno=line,
    )


class _Generation(Extension):
    """`{% generation %}` marks what a trainer learns from; for a prompt it is nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            # Constant folding would run a template's arithmetic before any limit is there.
            optimized=False,
            extensions=[_Generation, "jinja2.ext.loopcontrols"],
            finalize=_printed,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {
            "tojson": _tojson, "from_json": _from_json, "fromjson": _from_json,
            "join": _join, "replace": _replace, "indent": _indent,
        }  # fmt: skip
        self.globals = {
            "namespace": self.globals["namespace"],
            "dict": dict,
            "range": _range,
            "raise_exception": _raise,
            "strftime_now": lambda form: now().strftime(str(form)[:100]),
        }

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the listed methods of texts, lists and mappings; the rest as Jinja's sandbox."""
        for kind, names in _METHODS.items():
            if isinstance(obj, kind):
                return attr in names
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """No `format`: Jinja makes it safe for attributes, not for widths."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic that cannot grow without being counted."""
        match operator, left, right:
            case "+", (str() | list() | tuple()), (str() | list() | tuple()):
                _allowance(context).charge(len(left) + len(right))
            case "*", (str() | list() | tuple()), int():
                _allowance(context).charge(len(left) * max(right, 0))
            case "*", int(), (str() | list() | tuple()):
                _allowance(context).charge(len(right) * max(left, 0))
            case (("+" | "*" | "%"), (int() | float()), (int() | float())):
                _small(left, right)
            case _:
                raise TemplateError(f"{operator} is not allowed here")
        return super().call_binop(context, operator, left, right)

    # Jinja's own signature hides its two arguments in the same way.
    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Calls what a template calls; texts that `join` and `replace` build are counted first."""
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            name = getattr(__obj, "__name__", "")
            if name == "replace":
                return _replace(__context, owner, *args, **kwargs)
            if name == "join":
                return _join(__context, args[0] if args else (), owner)
            _allowance(__context).charge(len(owner))
        return super().call(__context, __obj, *args, **kwargs)

    def step(self, context: Context, characters: int) -> str:
        """Counts one pass of a loop or macro whose fixed text has so many characters."""
        return _allowance(context).step(characters)

    def joined(self, context: Context, *values: Any) -> str:
        """`a ~ b`."""
        texts = [str(value) for value in values]
        _allowance(context).charge(sum(map(len, texts)))
        return "".join(texts)


def _allowance(context: Context) -> Allowance:
    allowance = context.get(_ALLOWANCE)
    if not isinstance(allowance, Allowance):
        raise TemplateError("rendered without an allowance")
    return allowance


@pass_context
def _printed(context: Context, value: Any) -> Any:
    text = value if isinstance(value, str) else str(value)
    _allowance(context).charge(len(text))
    return text


@pass_context
def _range(context: Context, *bounds: int) -> range:
    numbers = range(*bounds)
    _allowance(context).charge(len(numbers))
    return numbers


@pass_context
def _tojson(
    context: Context,
    value: Any,
    *,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Not Jinja's filter, which escapes `<` for web pages; the same defaults as transformers.
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=None if indent is None else min(int(indent), 16),
        separators=separators,
        sort_keys=sort_keys,
    )
    _allowance(context).charge(len(text))
    return text


@pass_context
def _from_json(context: Context, text: str) -> Any:
    _allowance(context).charge(len(text))
    return json.loads(text)


@pass_context
def _join(context: Context, values: Any, d: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = [context.environment.getitem(value, attribute) for value in values]
    texts = [str(value) for value in values]
    separator = str(d)
    _allowance(context).charge(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


@pass_context
def _replace(context: Context, text: str, *how: Any, count: int | None = None) -> str:
    old, new = str(how[0]), str(how[1])
    most = how[2] if len(how) > 2 else count
    text = str(text)
    found = len(text) + 1 if not old else text.count(old)
    _allowance(context).charge(len(text) + found * len(new))
    return text.replace(old, new, -1 if most is None else most)


@pass_context
def _indent(context: Context, text: str, width: int | str = 4, first: bool = False) -> str:
    pad = " " * min(width, 16) if isinstance(width, int) else str(width)[:16]
    lines = str(text).split("\n")
    _allowance(context).charge(len(text) + len(pad) * len(lines))
    return (pad if first else "") + ("\n" + pad).join(lines)


def _raise(_: Any = "") -> NoReturn:
    raise TemplateError("raise_exception")


def _small(*numbers: float) -> None:
    if any(isinstance(n, int) and abs(n) > 1 << 64 for n in numbers):
        raise TemplateError("number too large")
