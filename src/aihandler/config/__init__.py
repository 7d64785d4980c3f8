"""aihandler.yaml to structs: strict, with all mistakes at once and the line of each."""

from typing import TYPE_CHECKING

from aihandler.config.configuration import Configuration

if TYPE_CHECKING:
    from aihandler.config.loading import load
    from aihandler.config.shape import schema

__all__ = ["Configuration", "load", "schema"]


def __getattr__(name: str) -> object:
    # Commands that read no configuration do not pay for YAML and its schema.
    if name == "load":
        from aihandler.config.loading import load

        return load
    if name == "schema":
        from aihandler.config.shape import schema

        return schema
    raise AttributeError(f"module 'aihandler.config' has no attribute {name!r}")
