"""Python that the file names: `module:name`, with its folder on the path only meanwhile."""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from aihandler.domain.keys import digest_text
from aihandler.domain.task import Json


class ImportProblem(Exception):
    """Why `module:name` cannot be had."""


def import_name(reference: str, *, root: Path) -> Any:
    """What `module:name` names. Raises ImportProblem, also for what the module itself raises."""
    module_name, colon, name = reference.partition(":")
    if not colon or not name or not all(part.isidentifier() for part in module_name.split(".")):
        raise ImportProblem("it is not written as module:name")
    _forget_stranger(module_name.partition(".")[0], root)
    sys.path.insert(0, str(root))
    try:
        # A file that was written within the last second is not seen without this.
        importlib.invalidate_caches()
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise ImportProblem(f"module {module_name!r} has no {name!r}") from None
    except ModuleNotFoundError as error:
        raise ImportProblem(f"there is no module {error.name!r}") from None
    except SyntaxError as error:
        raise ImportProblem(f"line {error.lineno} of the module is no Python") from None
    except Exception as error:  # a module runs code of its own
        raise ImportProblem(f"its module raises {type(error).__name__}") from error
    finally:
        # Code of the module may have taken it out.
        with contextlib.suppress(ValueError):
            sys.path.remove(str(root))
    return found


def source_version(function: object) -> str:
    """The hash of a function's source, else of its module's file."""
    try:
        source = inspect.getsource(function)  # type: ignore[arg-type]  # TypeError is expected
    except (OSError, TypeError):
        module = sys.modules.get(getattr(function, "__module__", ""), None)
        file = getattr(module, "__file__", None)
        source = Path(file).read_bytes().hex() if file else repr(type(function))
    return digest_text("function", source)


def type_schema(wanted: Any) -> Mapping[str, Json]:
    """The JSON Schema of a Python type. Raises TypeError when it has none."""
    # Pydantic is known by its methods and never imported by us.
    own = getattr(wanted, "model_json_schema", None)
    made: dict[str, Json] = own() if callable(own) else msgspec.json.schema(wanted)
    return _flat(made)


def _forget_stranger(module_name: str, root: Path) -> None:
    # Two configurations in one process may each have a `rules.py`.
    known = sys.modules.get(module_name)
    if known is None or not any(
        p.exists() for p in (root / f"{module_name}.py", root / module_name / "__init__.py")
    ):
        return
    file = getattr(known, "__file__", None)
    if file is None or not Path(file).resolve().is_relative_to(root.resolve()):
        for name in [n for n in sys.modules if n.partition(".")[0] == module_name]:
            del sys.modules[name]


def _flat(schema: dict[str, Json]) -> dict[str, Json]:
    """Puts the definition that the root refers to into the root, where readers look for keys."""
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    definitions = schema.get("$defs", {})
    if name not in definitions:
        return schema
    rest = {k: v for k, v in schema.items() if k not in {"$ref", "$defs"}}
    flat = {**definitions[name], **rest}
    others = {k: v for k, v in definitions.items() if k != name}
    within = msgspec.json.encode([flat, others]).decode()
    if f'"#/$defs/{name}"' in within:
        others[name] = definitions[name]
    return {**flat, "$defs": others} if others else flat
