"""AI Handler: every model is a swappable backend behind one interface."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aihandler.handler import Handler

__all__ = ["Handler", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Imported on first use, so that `import aihandler` costs no more than its errors do.
    if name == "Handler":
        from aihandler.handler import Handler

        return Handler
    raise AttributeError(f"module 'aihandler' has no attribute {name!r}")
