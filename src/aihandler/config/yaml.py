"""Strict YAML: plain data and the line of every value.

Only `true` and `false` are booleans; times, dates and numbers with leading zeros stay text;
decimals are exact; keys are text; tags are refused, and so is a key that stands twice.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import yaml

from aihandler.config.places import Mistakes, Path
from aihandler.domain.task import Json
from aihandler.errors import ConfigError, Mistake

MAX_CHARS = 2_000_000
MAX_DEPTH = 40
MAX_ALIASES = 200
# Counted with every alias written out, so that nine lines cannot become a billion values.
MAX_VALUES = 200_000

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\.[0-9]{1,30}(?:[eE][-+]?[0-9]{1,2})?\Z")


class Tree(msgspec.Struct, frozen=True):
    """What a file says: data, and the line (from 1) of every value, by path."""

    data: Json
    lines: dict[Path, int]


def read_yaml(text: str, *, file: str) -> tuple[Tree, Mistakes]:
    """The tree, and the keys that stand twice. Raises ConfigError when the text is no YAML."""
    if len(text) > MAX_CHARS:
        raise _refused(file, 1, f"longer than {MAX_CHARS} characters")
    try:
        _refuse_dangers(text, file)
        root = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        why = error.problem or "not YAML"
        raise _refused(file, line, f"broken YAML: {why} (column {column})") from None
    except yaml.YAMLError as error:
        why = str(error).splitlines()[0]
        raise _refused(file, 1, f"broken YAML: {why}") from None
    return _Reading(file).tree(root)


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers = {}


_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"(?:true|false)\Z"), ["t", "f"])
_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:null|~|)\Z"), ["n", "~", ""])
_Loader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _DECIMAL, list("-+0123456789"))


def _refuse_dangers(text: str, file: str) -> None:
    # Read as events first: building the nodes of a text that nests deeply recurses in C.
    depth = aliases = 0
    for event in yaml.parse(text, _Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _refused(file, line, f"nested more than {MAX_DEPTH} deep")
        if aliases > MAX_ALIASES:
            raise _refused(file, line, f"more than {MAX_ALIASES} aliases")
        tag = getattr(event, "tag", None)
        if tag:
            raise _refused(file, line, f"tag {tag!r}: tags are not used here")


class _Reading:
    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Path, int] = {}
        self._twice: list[tuple[int, str]] = []
        self._values = 0

    def tree(self, root: yaml.Node | None) -> tuple[Tree, Mistakes]:
        data = {} if root is None else self._value(root, ())
        tree = Tree(data, self._lines)
        mistakes = Mistakes(self._file, tree.lines)
        for line, message in self._twice:
            mistakes.add_at_line(line, message, hint="keep one of the two")
        return tree, mistakes

    def _value(self, node: yaml.Node, path: Path) -> Json:
        self._values += 1
        line = node.start_mark.line + 1
        if self._values > MAX_VALUES:
            raise _refused(self._file, line, f"more than {MAX_VALUES} values, aliases written out")
        if len(path) > MAX_DEPTH:
            raise _refused(self._file, line, "an alias inside its own anchor")
        self._lines.setdefault(path, line)
        match node:
            case yaml.MappingNode():
                return dict(self._members(node, path))
            case yaml.SequenceNode():
                return [self._value(item, (*path, at)) for at, item in enumerate(node.value)]
        return _scalar(node)

    def _members(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Json]]:
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refused(self._file, line, "a key must be text")
            key = key_node.value
            if key in seen:
                self._twice.append((line, f"{key!r} stands twice, first in line {seen[key]}"))
                continue
            seen[key] = line
            # The line of the key is the one to point at, also for a value that begins below it.
            self._lines[*path, key] = line
            yield key, self._value(value, (*path, key))


def _scalar(node: yaml.Node) -> Json:
    match node.tag.removeprefix(_TAG):
        case "bool":
            return node.value == "true"
        case "null":
            return None
        case "int":
            return int(node.value)
        case "float":
            return Decimal(node.value)
    return node.value


def _refused(file: str, line: int, message: str) -> ConfigError:
    mistake = Mistake(message, file=file, line=line, path="")
    return ConfigError(str(mistake), mistakes=[mistake])
