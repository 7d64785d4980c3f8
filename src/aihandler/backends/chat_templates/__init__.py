"""Prompts for models that offer only raw completions, and their answers read back.

`ChatTemplate` renders a conversation with a model's own template; `markup.parse` reads what the
model wrote. Opens no socket.
"""

from typing import TYPE_CHECKING

from aihandler.backends.chat_templates.conversation import Prompt, Template, Tool, ToolCall, Turn
from aihandler.backends.chat_templates.limits import (
    TemplateFailed,
    TemplateLimits,
    TemplateRejected,
)

if TYPE_CHECKING:
    from aihandler.backends.chat_templates.files import load_template
    from aihandler.backends.chat_templates.gguf import read_gguf
    from aihandler.backends.chat_templates.render import ChatTemplate
    from aihandler.backends.chat_templates.shipped_set import shipped_names, shipped_template

__all__ = [
    "ChatTemplate",
    "Prompt",
    "Template",
    "TemplateFailed",
    "TemplateLimits",
    "TemplateRejected",
    "Tool",
    "ToolCall",
    "Turn",
    "load_template",
    "read_gguf",
    "shipped_names",
    "shipped_template",
]

_HOMES = {
    "ChatTemplate": "render",
    "load_template": "files",
    "read_gguf": "gguf",
    "shipped_names": "shipped_set",
    "shipped_template": "shipped_set",
}


def __getattr__(name: str) -> object:
    # On first use: Jinja is loaded only where a prompt is rendered.
    if name in _HOMES:
        from importlib import import_module

        module = import_module(f"aihandler.backends.chat_templates.{_HOMES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'aihandler.backends.chat_templates' has no attribute {name!r}")
