"""Objects like those that models are asked for, and the ways in which models spoil them."""

import json
import random
import re

WORDS = [
    "refund",
    "invoice",
    "late",
    "Zürich",
    "“quoted”",
    "don't",
    "a/b",
    "{x} [y]",
    "50% #7",
    "c:\\dir",
]


def objects(count=112, *, seed=7):
    """Argument objects: flat and nested, with marks of JSON inside of their strings."""
    chance = random.Random(seed)
    return [_an_object(chance, depth=0) for _ in range(count)]


def schema_of(value):
    """Every key is required and nothing else admitted."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {key: schema_of(part) for key, part in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        return {"type": "array"}
    if value is None:
        return {"type": "null"}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": names[type(value)]}


def as_python(value):
    return repr(value)


def trailing_comma(value):
    return re.sub(r"\}\Z", ",}", json.dumps(value))


def line_comment(value):
    return json.dumps(value).replace("{", "{ // as asked\n", 1)


def raw_newline(value):
    return json.dumps(value).replace("\\n", "\n")


def unquoted_keys(value):
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{" + ", ".join(f"{key}: {unquoted_keys(part)}" for key, part in value.items()) + "}"


def cut(value):
    text = json.dumps(value)
    return text[: max(1, len(text) * 3 // 5)]


def draft_and_answer(value):
    draft = {**value, "subject": "something else"}
    return f"First try: {json.dumps(draft)}\nBetter: {json.dumps(value)}"


def braces_after_the_fence(value):
    return (
        f"Sure!\n```json\n{json.dumps(value, indent=1)}\n```\n"
        'The braces { and } hold the keys; use {"other": "value"} or {name: x} if you prefer.'
    )


DAMAGES = {
    "code fence": lambda v: f"```json\n{json.dumps(v, indent=2)}\n```",
    "prose, fence, braces in the prose after it": braces_after_the_fence,
    "prose around one object": lambda v: f"Here it is:\n{json.dumps(v)}\nAnything else?",
    "reasoning with braces": lambda v: f'<think>Maybe {{"a": 1}}? {{no}}</think>\n{json.dumps(v)}',
    "trailing comma": trailing_comma,
    "Python literals and quotes": as_python,
    "line comment": line_comment,
    "raw newline in a string": raw_newline,
    "unquoted keys": unquoted_keys,
    "last brace missing": lambda v: json.dumps(v)[:-1],
    "one brace too many": lambda v: json.dumps(v) + "}",
    "cut in the middle": cut,
    "JSON inside a JSON string": lambda v: json.dumps(json.dumps(v)),
    "two objects": draft_and_answer,
}


def _an_object(chance, *, depth):
    keys = chance.sample(
        ["subject", "amount", "due", "items", "customer", "city", "flag", "note", "ratio"],
        chance.randint(1, 6),
    )
    return {key: _a_value(chance, depth + 1) for key in keys}


def _a_value(chance, depth):
    kind = chance.randrange(9 if depth < 3 else 6)
    match kind:
        case 0:
            return chance.randint(-5000, 5000)
        case 1:
            return round(chance.uniform(-100, 10_000), 2)
        case 2:
            return chance.choice([True, False, None])
        case 3 | 4:
            return " ".join(chance.choices(WORDS, k=chance.randint(0, 6)))
        case 5:
            return "first line\nsecond line, \"quoted\": {'x': 1}"
        case 6:
            return [_a_value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
        case _:
            return _an_object(chance, depth=depth)
