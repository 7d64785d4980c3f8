"""Which template a deployment's model was trained on: found and compiled once, on first use."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from aihandler.backends.chat_templates import Template
from aihandler.backends.chat_templates.markup.families import AUTO, Family, families
from aihandler.domain.deployment import Deployment
from aihandler.errors import AIHandlerError, ConfigError

if TYPE_CHECKING:
    from aihandler.backends.chat_templates import ChatTemplate

_FILES = frozenset({".gguf", ".jinja", ".jinja2", ".json"})
# What a template prints and decides is inside of these.
_CODE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_SWITCH = re.compile(
    r"(?<![.\w'\"])(enable_thinking|thinking|thinking_budget|reasoning_effort)(?![\w'\"])"
)
# Shorter names end those of unrelated models.
_TELLING = 6
_SUGGESTED = 3


class Ready(msgspec.Struct, frozen=True):
    """A compiled template, the switches that it reads (`enable_thinking`), and the marks between
    which its model writes: control tokens, or words to its tokenizer.
    """

    chat: "ChatTemplate"
    switches: frozenset[str]
    marks: tuple[str, ...] = ()


class Templates:
    """The templates of all deployments that need one. Each is compiled when it is first asked."""

    def __init__(self, *, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], Ready | AIHandlerError] = {}

    def of(self, deployment: Deployment) -> Ready:
        """Raises ConfigError and InputError, the same ones again when asked again."""
        key = (deployment.chat_template, deployment.model.name)
        found = self._known.get(key)
        if found is None:
            try:
                found = self._made(deployment)
            except AIHandlerError as error:
                found = error
            self._known[key] = found
        if isinstance(found, AIHandlerError):
            raise found.with_traceback(None)
        return found

    def _made(self, deployment: Deployment) -> Ready:
        # Imported where used: Jinja is loaded by nobody who renders no prompt.
        from aihandler.backends.chat_templates.neutral import tokens_in_source
        from aihandler.backends.chat_templates.render import ChatTemplate

        template = find_template(deployment)
        chat = ChatTemplate(template, now=self._now, monotonic=self._monotonic)
        code = " ".join(_CODE.findall(template.source))
        family = known_family(chat.shape.family)
        marks = {*family.calls, *family.reasoning, *family.reasoning.values(), *family.silent}
        return Ready(
            chat,
            frozenset(_SWITCH.findall(code)),
            tuple(sorted(marks | {*tokens_in_source(template.source)})),
        )


def known_family(name: str) -> Family:
    """The marks of a family; those of all where it is not known."""
    known = families()
    return known.get(name, known[AUTO])


def find_template(deployment: Deployment) -> Template:
    """The one that a deployment names, else the shipped one of its model. Raises ConfigError."""
    from aihandler.backends.chat_templates.files import load_template
    from aihandler.backends.chat_templates.shipped_set import shipped_names, shipped_template

    named = deployment.chat_template
    if named and _is_path(named):
        return load_template(Path(named))
    if named in shipped_names():
        return shipped_template(named)
    if named:
        raise ConfigError(
            f"deployment {deployment.name!r}: no chat template {named!r} is shipped",
            hint=_hint(named),
        )
    shipped = shipped_for(deployment.model.name)
    if shipped is None:
        raise ConfigError(
            f"deployment {deployment.name!r} takes only prompts, and no chat template is known for "
            f"the model {deployment.model.name!r}",
            hint=_hint(deployment.model.name),
        )
    return shipped_template(shipped)


def require_template(deployment: Deployment) -> None:
    """Raises ConfigError where no template can be found; a file is read when it is needed."""
    if not _is_path(deployment.chat_template):
        find_template(deployment)


def shipped_for(model: str) -> str | None:
    """The shipped template of this very model, by its name with or without its maker's."""
    from aihandler.backends.chat_templates.shipped_set import shipped_names

    whole, last = _plain(model), _plain(model.rpartition("/")[2])
    names = shipped_names()
    if whole in names or last in names:
        return whole if whole in names else last
    fitting = [name for name in names if len(last) >= _TELLING and name.endswith(f"-{last}")]
    return fitting[0] if len(fitting) == 1 else None


def _hint(name: str) -> str:
    """What else there is, the likeliest first: a wrong template is worse than none."""
    from difflib import SequenceMatcher

    from aihandler.backends.chat_templates.shipped_set import shipped_names

    wanted = _plain(name.rpartition("/")[2])

    def likeness(known: str) -> float:
        # Families begin alike: `llama-3.3-70b-instruct` is closer to `llama-3` than letters say.
        return SequenceMatcher(None, wanted, known).ratio() + wanted.startswith(known)

    near = sorted(shipped_names(), key=lambda known: (-likeness(known), known))[:_SUGGESTED]
    return (
        "set `chat_template` to the model's .gguf, .jinja, tokenizer_config.json or folder, or to "
        f"a shipped one (nearest by name: {', '.join(near)})"
    )


def _is_path(name: str) -> bool:
    return "/" in name or Path(name).suffix in _FILES or Path(name).is_absolute()


def _plain(name: str) -> str:
    return name.strip().lower().replace("/", "-").replace("_", "-")
