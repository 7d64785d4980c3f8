"""Random values that a schema admits, and random schemas, for the tests of down-levelling."""

from hypothesis import strategies as st

TOO_DEEP = object()
FORMATS = {
    "date-time": "2026-03-01T10:00:00Z",
    "date": "2026-03-01",
    "time": "10:00:00Z",
    "duration": "P1D",
    "email": "a@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
NAMES = ("a", "b", "c/d", "e~f")


def an_instance(node, root, random, depth=0):
    """A value that should fit a part of a sent schema; TOO_DEEP where it would not end."""
    if depth > 12:
        return TOO_DEEP
    if "$ref" in node:
        target = root
        for part in node["$ref"].split("/")[1:]:
            target = target[part]
        return an_instance(target, root, random, depth + 1)
    if node.get("nullable") and random.random() < 0.3:
        return None
    if "anyOf" in node:
        branches = list(node["anyOf"])
        random.shuffle(branches)
        found = (an_instance(branch, root, random, depth + 1) for branch in branches)
        return next((value for value in found if value is not TOO_DEEP), TOO_DEEP)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return random.choice(node["enum"])
    kind = node.get("type", "string")
    if isinstance(kind, list):
        kind = random.choice(kind)
    return _of_kind(kind, node, root, random, depth)


def _of_kind(kind, node, root, random, depth):
    match kind:
        case "object":
            return _an_object(node, root, random, depth)
        case "array":
            return _an_array(node, root, random, depth)
        case "string":
            if "format" in node:
                return FORMATS.get(node["format"], "x")
            least = node.get("minLength", 0)
            return "x" * min(least + random.randrange(3), node.get("maxLength", 1000))
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
    low = node.get("minimum", node.get("exclusiveMinimum", -1) + 1)
    high = node.get("maximum", node.get("exclusiveMaximum", low + 4) - 1)
    number = low + random.randrange(max(1, int(high - low) + 1))
    return number if kind == "integer" else number + random.choice([0, 0.0])


def _an_object(node, root, random, depth):
    value = {}
    for name, part in node.get("properties", {}).items():
        needed = name in node.get("required", ())
        if not needed and (depth > 4 or random.random() < 0.4):
            continue
        found = an_instance(part, root, random, depth + 1)
        if found is not TOO_DEEP:
            value[name] = found
        elif needed:
            return TOO_DEEP
    others = node.get("additionalProperties", "properties" not in node)
    if others is not False and random.random() < 0.3:
        found = an_instance(others if isinstance(others, dict) else {}, root, random, depth + 1)
        if found is not TOO_DEEP:
            value.setdefault("other", found)
    return value


def _an_array(node, root, random, depth):
    parts = list(node.get("prefixItems", ()))
    least = node.get("minItems", 0)
    wanted = max(least, 0 if depth > 4 else random.randrange(3), len(parts))
    wanted = min(wanted, node.get("maxItems", wanted))
    parts += [node.get("items", {})] * max(0, wanted - len(parts))
    found = [an_instance(part, root, random, depth + 1) for part in parts[:wanted]]
    return TOO_DEEP if TOO_DEEP in found else found


def schemas():
    """Schemas with unions, conjunctions, references (also to themselves), maps and tuples."""
    part = st.recursive(_leaves(), _holders, max_leaves=8)
    definitions = st.fixed_dictionaries({"one": part, "two": part})
    return st.builds(lambda root, defs: {**root, "$defs": defs}, part, definitions)


def _leaves():
    return st.one_of(
        st.builds(_string, st.integers(0, 3), st.integers(3, 6)),
        st.sampled_from(
            [
                {"type": "string", "format": "date"},
                {"type": "string", "format": "regex"},
                {"type": "string", "pattern": "^x*$"},
                {"type": "string", "pattern": "(?=x)"},
                {"type": ["string", "null"]},
                {"type": ["integer", "string"], "minimum": 2, "minLength": 2},
                {"type": "integer", "exclusiveMinimum": 1, "maximum": 5},
                {"type": "number", "minimum": 1},
                {"type": "integer", "multipleOf": 3},
                {"enum": ["x", "y", None]},
                {"enum": [1, 2]},
                {"enum": [1, "x"], "type": "string"},
                {"const": 1, "type": "string"},
                {"const": "x"},
                {"const": True},
                {"const": {"a": 1}},
                {"type": "object"},
                {"type": "array"},
                {"type": "null"},
                {"type": "boolean"},
                {"not": {"type": "string"}, "type": "integer"},
                {"$ref": "#/$defs/one"},
                {"$ref": "#/$defs/two", "description": "of that kind"},
                {"$ref": "#/$defs/two", "minLength": 2},
                {},
                True,
            ]
        ),
    ).map(lambda leaf: leaf if isinstance(leaf, dict) else {"anyOf": [leaf, {"type": "null"}]})


def _string(least, most):
    return {"type": "string", "minLength": least, "maxLength": most}


def _holders(part):
    named = st.dictionaries(st.sampled_from(NAMES), part, min_size=1, max_size=3)
    some = st.lists(part, min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            _object,
            named,
            st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
            st.one_of(st.none(), st.booleans(), part),
        ),
        st.builds(lambda rest: {"type": "object", "additionalProperties": rest}, part),
        st.builds(lambda item: {"type": "array", "items": item, "minItems": 1}, part),
        st.builds(lambda first: {"type": "array", "prefixItems": first, "items": False}, some),
        st.builds(lambda parts: {"anyOf": parts}, some),
        st.builds(lambda parts: {"oneOf": parts}, some),
        st.builds(lambda parts: {"allOf": parts}, some),
        st.builds(lambda parts, beside: {**beside, "anyOf": parts}, some, part),
    )


def _object(named, required, rest):
    node = {"type": "object", "properties": named, "required": required}
    return node if rest is None else {**node, "additionalProperties": rest}
