"""Which part of JSON Schema each way of constrained decoding takes, as data."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Literal

import msgspec

Enforced = Literal["full", "partial", "none"]


class Subset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `subsets.yaml`. An empty list or 0 as a limit means that there is none.

    enforces: what an answer is held to at best.  everything: the schema is not touched.
    keywords, formats: may be sent.  enum_types: types of values an enum may list, empty for all.
    pattern_must, pattern_must_not: expressions that a `pattern` has to match, must not match.
    bounds_of_numbers: minimum and maximum also hold for numbers that are not integers.
    min_items_up_to: the highest `minItems` that may be sent, None for any.
    closed: every object forbids further keys.  all_required: every property is required.
    free_form: an object may leave its keys open.  say_open: and has to say so.
    untyped: a part without a type may be sent.  type_lists: `type` may be a list.
    null_as_keyword: null is `nullable: true`, not a type.  union_alone: nothing beside `anyOf`.
    ref_siblings: a description may stand beside `$ref`.  recursion: `$ref` may lead to itself.
    root_object: the root is an object and no union.
    max_name_chars: characters of all keys, definitions' names and values of enums together.
    """

    name: str
    source: str
    as_of: str
    enforces: Enforced
    everything: bool = False
    keywords: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    enum_types: frozenset[str] = frozenset()
    pattern_must: str = ""
    pattern_must_not: str = ""
    bounds_of_numbers: bool = True
    min_items_up_to: int | None = None
    closed: bool = False
    all_required: bool = False
    free_form: bool = False
    say_open: bool = False
    untyped: bool = False
    type_lists: bool = True
    null_as_keyword: bool = False
    union_alone: bool = False
    ref_siblings: bool = True
    recursion: bool = True
    root_object: bool = False
    max_depth: int = 0
    max_properties: int = 0
    max_enum_values: int = 0
    max_name_chars: int = 0
    large_enum_values: int = 0
    large_enum_chars: int = 0
    max_optional: int = 0
    max_unions: int = 0

    def takes_pattern(self, pattern: str) -> bool:
        """True when a `pattern` may be sent as it is."""
        try:
            re.compile(pattern)
        except re.error:
            return False
        if self.pattern_must and not re.search(self.pattern_must, pattern, re.DOTALL):
            return False
        return not (self.pattern_must_not and re.search(self.pattern_must_not, pattern))


def load_subsets() -> Mapping[str, Subset]:
    """The rows that ship with the package, by name."""
    import yaml

    text = resources.files(__package__).joinpath("subsets.yaml").read_text(encoding="utf-8")
    rows = yaml.safe_load(text)
    return {name: msgspec.convert({"name": name, **row}, Subset) for name, row in rows.items()}
