"""Python steps: `module:function(document, results)`, imported from beside the configuration."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping

from aihandler.domain.document import Document
from aihandler.domain.task import Json
from aihandler.errors import ConfigError

StepFunction = Callable[[Document, Mapping[str, Json]], object]


def load_function(reference: str, *, root: str) -> StepFunction:
    """Imports `module:function`; `root` is on the module path only meanwhile."""
    module_name, _, name = reference.partition(":")
    sys.path.insert(0, root)
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"function {reference!r} cannot be imported: {error}",
            hint=f"write it as module:function, with the module beside {root}",
        ) from error
    finally:
        sys.path.remove(root)
    function: StepFunction = found
    return function


async def call_function(
    function: StepFunction, document: Document, results: Mapping[str, Json]
) -> Json:
    """Calls a plain or an async function."""
    value = function(document, results)
    return await value if inspect.isawaitable(value) else value
