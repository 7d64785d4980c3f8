"""The templates that come with AI Handler, for models whose files are not at hand."""

from importlib.resources import files
from typing import Any

import msgspec

from aihandler.backends.chat_templates.conversation import Template
from aihandler.errors import ConfigError


def shipped_names() -> tuple[str, ...]:
    """Every shipped template by name."""
    return tuple(sorted(_index()))


def shipped_template(name: str) -> Template:
    """One shipped template; its tokens are those that its model is known by."""
    entry = _index().get(name)
    if entry is None:
        raise ConfigError(
            f"no chat template {name!r} is shipped",
            hint=f"one of: {', '.join(shipped_names())}; or name a file",
        )
    source = (_folder() / f"{name}.jinja").read_text(encoding="utf-8")
    return Template(name, source, entry["bos_token"], entry["eos_token"])


def _index() -> dict[str, dict[str, Any]]:
    text = (_folder() / "index.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, Any]])


def _folder() -> Any:
    return files("aihandler.backends.chat_templates") / "shipped"
