"""JSON Schemas of tasks: read, judged, and made whole."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from aihandler.config.draft import Draft, as_json
from aihandler.config.places import Path
from aihandler.config.words import did_you_mean
from aihandler.domain.task import Json

MAX_QUOTED = 200
_MAX_FORMS = 64
_COMPOSED = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
# With these, an object may have keys that are not among its `properties`.
_OPENING = frozenset({"patternProperties", "if", "dependentSchemas", "$dynamicRef"})


def read_schema(written: str | Mapping[str, Json], path: Path, draft: Draft) -> dict[str, Json]:
    """The schema of a file or of the configuration itself, with all that it refers to.

    Notes mistakes; what it then returns admits everything.
    """
    if isinstance(written, str):
        text = draft.read(written, path, what="schema")
        found = None if text is None else _parsed(text, written, path, draft)
        folder = posixpath.dirname(written)
    else:
        found, folder = as_json(dict(written)), ""
    if found is None:
        return {}
    bundled = _Bundle(found, path, draft).whole(folder)
    return bundled if judge_schema(bundled, path, draft) else {}


def judge_schema(schema: Mapping[str, Json], path: Path, draft: Draft) -> bool:
    """Notes why `schema` is no JSON Schema; True when it is one."""
    import jsonschema_rs

    try:
        # Also judges it by its own draft. (`meta.validate` would fetch an unknown draft.)
        compile_schema(schema)
    except jsonschema_rs.ValidationError as error:
        at = "".join(f"/{part}" for part in error.instance_path)
        place = f" at {at}" if at else ""
        draft.wrong(path, f"no JSON Schema{place}: {error.message[:MAX_QUOTED]}")
        return False
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        draft.wrong(path, f"no JSON Schema: {str(error).splitlines()[0][:MAX_QUOTED]}")
        return False
    return True


def compile_schema(schema: Mapping[str, Json]) -> Any:
    """A validator that fetches nothing."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        dict(schema),
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000),
    )


def pointer_problem(pointer: str, schema: Mapping[str, Json]) -> tuple[str, str] | None:
    """Says why no value of `schema` has a place `pointer`, with a hint; None when one may."""
    if pointer == "/":
        return None
    if not pointer.startswith("/"):
        return f"{pointer!r} is no JSON pointer", f"write /{pointer}"
    parts: list[Json] = [schema]
    for step in pointer[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        forms = [form for part in parts for form in _forms(part, schema)]
        known = sorted({key for form in forms for key in form.get("properties", {})})
        parts = [below for form in forms for below in _below(form, name)]
        if not parts:
            hint = did_you_mean(name, known, what="it has") if known else ""
            if any("items" in form for form in forms):
                hint = "write * for each item of a list"
            return f"the schema has no {pointer!r}: nothing is called {name!r}", hint
    return None


def root_keys(schema: Mapping[str, Json]) -> frozenset[str] | None:
    """The keys that an object of this schema can have; None when any."""
    forms = list(_forms(schema, schema))
    if not forms or any(not _closed(form) for form in forms if _says_something(form)):
        return None
    return frozenset(key for form in forms for key in form.get("properties", {})) or None


def _says_something(form: Mapping[str, Json]) -> bool:
    return bool(form.keys() - _COMPOSED - {"$defs", "title", "$schema"})


def _closed(form: Mapping[str, Json]) -> bool:
    opens = form.get("additionalProperties", False) or _OPENING & form.keys()
    return "properties" in form and not opens


def _forms(schema: Json, root: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """A schema, and all that it is composed of or refers to."""
    waiting, seen = [schema], 0
    while waiting and seen < _MAX_FORMS:
        form = waiting.pop()
        if not isinstance(form, Mapping):
            continue
        seen += 1
        yield form
        for word in ("anyOf", "oneOf", "allOf"):
            waiting.extend(form.get(word, ()))
        reference = form.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            waiting.append(_at(root, reference[1:]))


def _below(form: Mapping[str, Json], name: str) -> Iterator[Json]:
    """The schemas of what `name` leads to; what a form says nothing about may be anything."""
    if name == "*" or name.isdigit():
        yield from form.get("prefixItems", ())
        if "items" in form or _is_of(form, "array"):
            yield form.get("items", {})
    properties, additional = form.get("properties", {}), form.get("additionalProperties")
    if name in properties:
        yield properties[name]
    elif isinstance(additional, Mapping):
        yield additional
    elif additional is not False and (additional or _OPENING & form.keys() or _is_silent(form)):
        yield {}


def _is_silent(form: Mapping[str, Json]) -> bool:
    """Says nothing of an object's keys, and does not say that it is no object."""
    may_be_one = "type" not in form or _is_of(form, "object")
    return may_be_one and not form.keys() & {"properties", *_COMPOSED}


def _is_of(form: Mapping[str, Json], kind: str) -> bool:
    types = form.get("type", ())
    return kind in ((types,) if isinstance(types, str) else types)


def _at(document: Json, fragment: str) -> Json:
    for step in fragment.strip("/").split("/") if fragment.strip("/") else ():
        name = step.replace("~1", "/").replace("~0", "~")
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _parsed(text: str, name: str, path: Path, draft: Draft) -> dict[str, Json] | None:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        draft.wrong_in(name, error.lineno, f"no JSON: {error.msg}", path=path)
        return None
    except RecursionError:
        draft.wrong(path, f"schema {name!r} nests too deep")
        return None
    if not isinstance(found, dict):
        draft.wrong(path, f"schema {name!r} must be a JSON object")
        return None
    return found


class _Bundle:
    """Copies the files that a schema refers to into its `$defs`; only files below the root."""

    def __init__(self, schema: dict[str, Json], path: Path, draft: Draft) -> None:
        self._schema = schema
        self._path = path
        self._draft = draft
        self._definitions: dict[str, Json] = {}

    def whole(self, folder: str) -> dict[str, Json]:
        whole = self._moved(self._schema, folder, at="")
        if not self._definitions:
            return dict(whole)
        return {**whole, "$defs": {**whole.get("$defs", {}), **self._definitions}}

    def _moved(self, node: Json, folder: str, *, at: str) -> Json:
        """`node` of a file in `folder`, which now stands at the fragment `at`."""
        if isinstance(node, list):
            return [self._moved(item, folder, at=at) for item in node]
        if not isinstance(node, dict):
            return node
        moved = {k: self._moved(v, folder, at=at) for k, v in node.items() if k != "$ref"}
        reference = node.get("$ref")
        if isinstance(reference, str):
            moved["$ref"] = self._reference(reference, folder, at=at)
        elif "$ref" in node:
            # A property that is called so.
            moved["$ref"] = self._moved(reference, folder, at=at)
        return moved

    def _reference(self, reference: str, folder: str, *, at: str) -> str:
        name, _, fragment = reference.partition("#")
        if not name:
            return f"#{at}{fragment}" if at else reference
        if "://" in name:
            self._draft.wrong(
                self._path,
                f"the schema refers to {name!r}, and nothing is fetched",
                hint="save it beside the configuration and refer to the file",
            )
            return "#"
        file = posixpath.normpath(posixpath.join(folder, name))
        inside = self._draft.located(file).resolve().is_relative_to(self._draft.root.resolve())
        if not inside:
            self._draft.wrong(
                self._path, f"the schema refers to {name!r}, outside the configuration's folder"
            )
            return "#"
        self._take(file)
        return f"#/$defs/{_escaped(file)}{fragment}"

    def _take(self, file: str) -> None:
        if file in self._definitions:
            return
        # Noted first: two files may refer to each other.
        self._definitions[file] = True
        text = self._draft.read(file, self._path, what="schema")
        parsed = None if text is None else _parsed(text, file, self._path, self._draft)
        if parsed is not None:
            at = f"/$defs/{_escaped(file)}"
            # Its own `$id` would give its references another beginning.
            parsed = {k: v for k, v in parsed.items() if k not in {"$id", "$schema"}}
            self._definitions[file] = self._moved(parsed, posixpath.dirname(file), at=at)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
