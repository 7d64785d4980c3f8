"""What an answer must be: `output` of a task."""

from collections.abc import Mapping

from aihandler.config.draft import Draft, as_json, listed_texts
from aihandler.config.expressions import Expression
from aihandler.config.file import OutputKeys
from aihandler.config.imports import ImportProblem, import_name, type_schema
from aihandler.config.places import Path
from aihandler.config.schemas import (
    compile_schema,
    judge_schema,
    pointer_problem,
    read_schema,
    root_keys,
)
from aihandler.config.words import did_you_mean
from aihandler.domain.task import (
    EmbeddingOutput,
    Json,
    JsonOutput,
    LabelOutput,
    Output,
    TextOutput,
)
from aihandler.errors import ConfigError

_KINDS = ("text", "label", "schema", "type", "embedding")


def build_output(keys: OutputKeys, path: Path, draft: Draft) -> Output:
    """The output; what is wrong with it is noted in the draft."""
    given = [kind for kind in _KINDS if getattr(keys, kind) is not None]
    if len(given) > 1:
        draft.wrong(path, f"has {' and '.join(map(repr, given))}", hint="an answer is one of them")
    if keys.schema is not None or keys.type is not None:
        return _json(keys, path, draft)
    for key in ("grounded", "arithmetic"):
        if getattr(keys, key):
            draft.wrong((*path, key), f"{key!r} needs a 'schema' or a 'type'")
    if keys.label is not None:
        return LabelOutput(tuple(keys.label))
    if keys.embedding is not None:
        return EmbeddingOutput(None if keys.embedding is True else keys.embedding.dimensions)
    if keys.text is None or keys.text is True:
        return TextOutput()
    return TextOutput(keys.text.max_chars)


def value_problem(value: Json, output: Output) -> str:
    """Says why `value` is no answer; empty when it is one. Never quotes the value."""
    match output:
        case EmbeddingOutput():
            return "cannot be said in words: no vector stands for an answer that did not come"
        case LabelOutput(labels):
            return "" if value in labels else "is not in the list of labels"
        case TextOutput(max_chars):
            if not isinstance(value, str) or not value:
                return "must be text that is not empty"
            too_long = max_chars is not None and len(value) > max_chars
            return f"is longer than {max_chars} characters" if too_long else ""
    for error in compile_schema(output.schema).iter_errors(value):
        at = "/".join(map(str, error.instance_path))
        return f"does not fit the schema: {error.kind.name} at /{at}"
    return ""


def _json(keys: OutputKeys, path: Path, draft: Draft) -> JsonOutput:
    if keys.schema is not None:
        schema = read_schema(keys.schema, (*path, "schema"), draft)
    else:
        schema = _of_type(keys.type or "", (*path, "type"), draft)
    grounded: tuple[str, ...] = ()
    if keys.grounded:
        grounded = ("/",) if keys.grounded is True else tuple(keys.grounded)
    arithmetic = listed_texts(keys.arithmetic)
    if schema:
        _check_grounded(grounded, schema, (*path, "grounded"), draft)
    for at, text in enumerate(arithmetic):
        place = () if isinstance(keys.arithmetic, str) else (at,)
        _check_arithmetic(text, schema, (*path, "arithmetic", *place), draft)
    return JsonOutput(schema, grounded, arithmetic, keys.type or "")


def _of_type(reference: str, path: Path, draft: Draft) -> dict[str, Json]:
    if not draft.import_code:
        return {}
    try:
        schema = as_json(dict(type_schema(import_name(reference, root=draft.root))))
    except ImportProblem as problem:
        hint = f"write module:Type, with the module in {draft.root} or installed"
        draft.wrong(path, f"the type {reference!r} cannot be imported: {problem}", hint=hint)
        return {}
    except (TypeError, ValueError, RecursionError):
        hint = "use a msgspec Struct, a dataclass, a TypedDict or a pydantic model"
        draft.wrong(path, f"{reference!r} has no JSON Schema", hint=hint)
        return {}
    return schema if judge_schema(schema, path, draft) else {}


def _check_grounded(
    pointers: tuple[str, ...], schema: Mapping[str, Json], path: Path, draft: Draft
) -> None:
    for at, pointer in enumerate(pointers):
        problem = pointer_problem(pointer, schema)
        if problem is not None:
            draft.wrong((*path, at), problem[0], hint=problem[1])


def _check_arithmetic(text: str, schema: Mapping[str, Json], path: Path, draft: Draft) -> None:
    try:
        expression = Expression(text)
    except ConfigError as error:
        draft.wrong(path, error.message, hint=error.hint)
        return
    known = root_keys(schema)
    for name in sorted(expression.names - (known or expression.names)):
        hint = did_you_mean(name, known or (), what="it has")
        draft.wrong(path, f"{text!r} names {name!r}, which the schema does not have", hint=hint)
