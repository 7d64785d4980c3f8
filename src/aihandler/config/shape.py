"""The JSON Schema of the file, and every way in which a file differs from it, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aihandler.config.file import ConfigFile
from aihandler.config.places import Mistakes, Path, written
from aihandler.config.words import did_you_mean, listed, nearest
from aihandler.domain.task import Json

# An error of jsonschema-rs: each kind has attributes of its own, which its stubs leave out.
_Error = Any


def schema() -> dict[str, Json]:
    """The JSON Schema of `aihandler.yaml`, for editors and for `find_misshapes`."""
    return schema_of(ConfigFile, title="aihandler.yaml")


def schema_of(kind: type[msgspec.Struct], *, title: str) -> dict[str, Json]:
    """The JSON Schema of another YAML file that is read as strictly."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_fitted(msgspec.json.schema(kind)),
    }


def find_misshapes(data: Json, mistakes: Mistakes) -> set[Path]:
    """Adds everything in `data` that the schema refuses; returns the places."""
    return find_misshapes_of(ConfigFile, data, mistakes)


def find_misshapes_of(kind: type[msgspec.Struct], data: Json, mistakes: Mistakes) -> set[Path]:
    """The same for a file that is read as a `kind`."""
    import jsonschema_rs

    shape = schema_of(kind, title=kind.__name__)
    validator = jsonschema_rs.Draft202012Validator(shape, validate_formats=True)
    places: set[Path] = set()
    for error in validator.iter_errors(data):
        for found in _Wording(shape).of(error):
            mistakes.add_misshape(found.path, found.message, hint=found.hint)
            places.add(found.path)
    return places


def sound_parts(data: Mapping[str, Json], places: set[Path]) -> dict[str, Json]:
    """`data` without what is misshapen: the key of an entry, or the entry when that decides."""
    sound = dict(data)
    for place in places:
        section, name, key = (*place, None, None, None)[:3]
        entries = sound.get(str(section))
        if name is None or not isinstance(entries, dict):
            sound.pop(str(section), None)
            continue
        entry = entries.get(name)
        if key is None or not isinstance(entry, dict) or key in _DECISIVE.get(str(section), ()):
            sound[str(section)] = {n: e for n, e in entries.items() if n != name}
        else:
            rest = {k: v for k, v in entry.items() if k != key}
            sound[str(section)] = {**entries, name: rest}
    return sound


# Without these, the rest of an entry would be judged for what it is not.
_DECISIVE: Mapping[str, tuple[str, ...]] = {
    "deployments": ("backend",),
    "tasks": ("output", "input", "examples"),
    "workflows": ("steps",),
    "helpers": ("kind", "deployment"),
}


class _Found(msgspec.Struct, frozen=True):
    path: Path
    message: str
    hint: str = ""


def _fitted(node: Any) -> Any:
    """What msgspec says of JSON, said of YAML: decimals are numbers, and null is not written."""
    if isinstance(node, list):
        return [_fitted(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "decimal":
        return {**{k: v for k, v in node.items() if k != "format"}, "type": "number"}
    fitted = {k: _fitted(v) for k, v in node.items() if not (k == "default" and v is None)}
    options = [option for option in fitted.get("anyOf", ()) if option != {"type": "null"}]
    if "anyOf" not in fitted:
        return fitted
    if len(options) > 1:
        return {**fitted, "anyOf": options}
    del fitted["anyOf"]
    return {**fitted, **options[0]}


class _Wording:
    def __init__(self, shape: Mapping[str, Json]) -> None:
        self._shape = shape

    def of(self, error: _Error) -> Iterator[_Found]:
        path = tuple(error.instance_path)
        match error.kind.name:
            case "anyOf":
                yield from self._union(error, path)
            case "additionalProperties":
                yield from self._unknown(error, path)
            case "required":
                yield self._missing(error, path)
            case "enum":
                yield _enum(path, error.instance, error.kind.options)
            case "propertyNames":
                name = error.kind.error.instance
                yield _Found(
                    (*path, name),
                    f"{name!r} cannot be a name",
                    hint="letters, digits and _ - . : / make a name; it begins with a letter",
                )
            case _:
                yield _Found(path, f"{_subject(path)} {_bound(error)}")

    def _unknown(self, error: _Error, path: Path) -> Iterator[_Found]:
        known = self._properties(error.schema_path)
        for name in error.kind.unexpected:
            hint = did_you_mean(name, known, what="allowed")
            yield _Found((*path, name), f"unknown key {name!r}", hint=hint)

    def _missing(self, error: _Error, path: Path) -> _Found:
        name = error.kind.property
        about = self._properties(error.schema_path).get(name, {}).get("description", "")
        return _Found(path, f"{_subject(path)} lacks the key {name!r}", hint=about)

    def _properties(self, schema_path: Sequence[str | int]) -> dict[str, Any]:
        properties: dict[str, Any] = self._node(schema_path).get("properties", {})
        return properties

    def _node(self, schema_path: Sequence[str | int]) -> dict[str, Any]:
        node: Any = self._shape
        for part in schema_path[:-1]:
            node = node[part]
        found: dict[str, Any] = node
        return found

    def _tagged(self, error: _Error, path: Path, *, tag: str) -> Iterator[_Found]:
        """One key says which form it is: the others are not judged."""
        node = self._node(error.schema_path)
        forms: dict[str, str] = node["discriminator"]["mapping"]
        if tag not in error.instance:
            told = f"{_subject(path)} lacks the key {tag!r}"
            yield _Found(path, told, hint=f"one of {', '.join(forms)}")
            return
        value = error.instance[tag]
        if not isinstance(value, str) or value not in forms:
            hint = nearest(str(value), forms) or f"one of {', '.join(forms)}"
            yield _Found((*path, tag), f"{tag} cannot be {_value(value)}", hint=hint)
            return
        branches: list[list[Any]] = error.kind.context
        references = [option.get("$ref") for option in node["anyOf"]]
        for inner in branches[references.index(forms[value])]:
            yield from self.of(inner)

    def _union(self, error: _Error, path: Path) -> Iterator[_Found]:
        # What fits none of several forms is told about the form that it is meant to be.
        branches: list[list[Any]] = error.kind.context
        tag = self._node(error.schema_path).get("discriminator", {}).get("propertyName")
        if tag is not None and isinstance(error.instance, dict):
            yield from self._tagged(error, path, tag=tag)
            return
        meant = [branch for branch in branches if not _another_form(branch, path)]
        if meant:
            for inner in min(meant, key=len):
                yield from self.of(inner)
            return
        heads = [branch[0] for branch in branches]
        words = [str(_shown(o)) for head in heads for o in getattr(head.kind, "options", ())]
        kinds = [_TYPES[t] for head in heads for t in getattr(head.kind, "types", ())]
        expected = " or ".join(dict.fromkeys([*words, *kinds]))
        hint = nearest(error.instance, words) if isinstance(error.instance, str) else ""
        yield _Found(
            path, f"{_subject(path)} must be {expected}, not {_value(error.instance)}", hint=hint
        )


_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


def _another_form(branch: Sequence[Any], path: Path) -> bool:
    return any(e.kind.name in {"type", "enum"} and tuple(e.instance_path) == path for e in branch)


def _enum(path: Path, value: Json, options: Sequence[Json]) -> _Found:
    words = [str(_shown(option)) for option in options]
    hint = nearest(value, words) if isinstance(value, str) else ""
    expected = f"one of {listed(words)}" if len(words) > 1 else words[0]
    return _Found(path, f"{_subject(path)} must be {expected}, not {_value(value)}", hint=hint)


def _bound(error: _Error) -> str:
    kind = error.kind
    match kind.name:
        case "type":
            expected = " or ".join(_TYPES[t] for t in kind.types)
            return f"must be {expected}, not {_value(error.instance)}"
        case "minimum":
            return f"must be at least {kind.limit}"
        case "maximum":
            return f"must be at most {kind.limit}"
        case "exclusiveMinimum":
            return f"must be more than {kind.limit}"
        case "minLength" | "minItems" | "minProperties":
            return "must not be empty"
        case "uniqueItems":
            return "must not hold the same twice"
        case "format":
            return "must be a date like 2026-12-31"
        case "pattern":
            return "is not a name of letters, digits and _"
    return f"is not valid: {kind.name}"


def _subject(path: Path) -> str:
    names = [at for at, part in enumerate(path) if isinstance(part, str)]
    return written(path[names[-1] :]) if names else "the file"


def _shown(value: Json) -> Json:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def _value(value: Json) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    # A key that was written out by mistake may stand in any place: long texts are not repeated.
    if isinstance(value, str) and len(value) > 20:
        return "this text"
    return repr(value) if isinstance(value, str) else str(_shown(value))
