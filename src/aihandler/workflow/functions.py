"""Python steps: `module:function(document, results)`, imported from beside the configuration."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from aihandler.config.imports import ImportProblem, import_name
from aihandler.domain.document import Document
from aihandler.domain.task import Json
from aihandler.errors import ConfigError

StepFunction = Callable[[Document, Mapping[str, Json]], object]


def load_function(reference: str, *, root: str) -> StepFunction:
    """Imports `module:function`; `root` is on the module path only meanwhile."""
    try:
        found: StepFunction = import_name(reference, root=Path(root))
    except ImportProblem as problem:
        raise ConfigError(
            f"function {reference!r} cannot be imported: {problem}",
            hint=f"write it as module:function, with the module in {root}",
        ) from problem
    return found


async def call_function(
    function: StepFunction, document: Document, results: Mapping[str, Json]
) -> Json:
    """Calls a plain or an async function."""
    value = function(document, results)
    return await value if inspect.isawaitable(value) else value
