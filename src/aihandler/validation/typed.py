"""Turns a valid JSON value into the Python type that a task names."""

from pathlib import Path
from typing import Any

import msgspec

from aihandler.config.imports import ImportProblem, import_name
from aihandler.domain.task import Json
from aihandler.errors import ConfigError, InputError


def to_python(value: Json, python_type: str, *, root: str = "") -> Any:
    """`value` as an instance of `module:Type`; `root` is a folder where modules may lie too.

    Structs, dataclasses and TypedDicts are converted; a type with `model_validate` (pydantic)
    does it itself. Raises ConfigError when there is no such type, InputError when it says no.
    """
    wanted = find_type(python_type, root=root)
    validate = getattr(wanted, "model_validate", None)
    try:
        return validate(value) if callable(validate) else msgspec.convert(value, wanted)
    except (ValueError, TypeError) as error:
        # The schema was fulfilled, so what says no is a rule of the type's own.
        raise InputError(
            f"the answer does not fit the Python type {python_type!r}: {type(error).__name__}",
            hint="make the type accept what its JSON Schema accepts, or narrow the schema",
        ) from None


def find_type(python_type: str, *, root: str = "") -> Any:
    """The type that `module:Type` names. Raises ConfigError when there is none."""
    try:
        return import_name(python_type, root=Path(root or "."))
    except ImportProblem as problem:
        raise ConfigError(
            f"the Python type {python_type!r} cannot be found: {problem}",
            hint="write `module:Type` with a module that can be imported from the configuration",
        ) from problem
