"""Models behind one interface: a codec per wire format, one transport, profiles as data.

`HttpCaller` speaks to servers; the models of this process are in `backends.builtin`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aihandler.backends.anthropic_messages import AnthropicMessages
    from aihandler.backends.completions import Completions
    from aihandler.backends.discovery import FoundServer, discover, probe_models
    from aihandler.backends.gemini import Gemini
    from aihandler.backends.http.limits import HttpLimits
    from aihandler.backends.http_caller import HttpCaller
    from aihandler.backends.openai_chat import OpenAIChat
    from aihandler.backends.openai_responses import OpenAIResponses
    from aihandler.backends.profiles import Profile, load_profiles, profile_for
    from aihandler.backends.transport import Transport

__all__ = [
    "AnthropicMessages",
    "Completions",
    "FoundServer",
    "Gemini",
    "HttpCaller",
    "HttpLimits",
    "OpenAIChat",
    "OpenAIResponses",
    "Profile",
    "Transport",
    "discover",
    "load_profiles",
    "probe_models",
    "profile_for",
]

_HOMES = {
    "AnthropicMessages": "anthropic_messages",
    "Completions": "completions",
    "FoundServer": "discovery",
    "Gemini": "gemini",
    "HttpCaller": "http_caller",
    "HttpLimits": "http.limits",
    "OpenAIChat": "openai_chat",
    "OpenAIResponses": "openai_responses",
    "Profile": "profiles",
    "Transport": "transport",
    "discover": "discovery",
    "load_profiles": "profiles",
    "probe_models": "discovery",
    "profile_for": "profiles",
}


def __getattr__(name: str) -> object:
    # On first use: a worker that only trains a model needs no HTTP parser.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"aihandler.backends.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'aihandler.backends' has no attribute {name!r}")
