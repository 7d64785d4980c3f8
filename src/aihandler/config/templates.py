"""Prompt templates: minijinja with fuel, strict about names, without files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aihandler.errors import ConfigError, InputError

if TYPE_CHECKING:
    import minijinja

__all__ = ["Template", "TemplateError"]

FUEL = 100_000
_NAME = "prompt"
# `format` makes gigabytes from ten characters, which fuel does not notice; `debug` prints
# everything that the template was given; `namespace` lets a loop double a text.
_REMOVED_FILTERS = ("format", "indent", "wordwrap")
_REMOVED_GLOBALS = ("debug", "namespace", "cycler", "joiner")
_KEPT_GLOBALS = frozenset({"range", "dict"})
_UNKNOWN = frozenset({"UnknownFilter", "UnknownFunction", "UnknownTest", "TemplateNotFound"})


class TemplateError(ConfigError):
    """A template that cannot be read; `line` is that of the template, from 1."""

    def __init__(self, message: str, *, line: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class Template:
    """A compiled prompt. `names` are the fields that it reads.

    `where` (a path of the configuration) stands in the messages.
    """

    __slots__ = ("_environment", "names", "where")

    def __init__(self, text: str, *, where: str = "") -> None:
        import minijinja

        self.where = where
        self._environment = _environment()
        try:
            self._environment.add_template(_NAME, text)
        except minijinja.TemplateError as error:
            raise _mistake(error, where) from None
        found = self._environment.undeclared_variables_in_template(_NAME)
        self.names: frozenset[str] = frozenset(found) - _KEPT_GLOBALS
        self._try_out()

    def render(self, fields: Mapping[str, object]) -> str:
        """The text for these fields. Raises InputError when one is missing or fuel runs out."""
        import minijinja

        try:
            return str(self._environment.render_template(_NAME, **fields))
        except minijinja.TemplateError as error:
            missing = sorted(self.names - fields.keys())
            why = f"field {missing[0]!r} is missing" if missing else _reason(error)
            raise InputError(
                f"the prompt cannot be filled: {why}{_at(self.where)}",
                hint="`aihandler check` shows which fields a prompt reads",
            ) from None

    def _try_out(self) -> None:
        # Only rendering finds filters and tests that do not exist; values are of no matter here.
        import minijinja

        try:
            self._environment.render_template(_NAME, **dict.fromkeys(self.names, "x"))
        except minijinja.TemplateError as error:
            if error.kind in _UNKNOWN:
                raise _mistake(error, self.where) from None


def _environment() -> "minijinja.Environment":
    import minijinja

    environment = minijinja.Environment(
        fuel=FUEL,
        undefined_behavior="strict",
        # Prompts are text and not HTML: an ampersand stays one.
        auto_escape_callback=lambda _: False,
        debug=False,
    )
    for name in _REMOVED_FILTERS:
        environment.remove_filter(name)
    for name in _REMOVED_GLOBALS:
        environment.remove_global(name)
    return environment


def _mistake(error: "minijinja.TemplateError", where: str) -> TemplateError:
    return TemplateError(
        f"the prompt cannot be read: {_reason(error)}{_at(where)}",
        line=error.line or 1,
        hint="prompts are minijinja templates: {{ text }} stands for the field 'text'",
    )


def _reason(error: "minijinja.TemplateError") -> str:
    line = f" in line {error.line} of the prompt" if error.line else ""
    return f"{error.detail or error.kind}{line}"


def _at(where: str) -> str:
    return f" (at {where})" if where else ""
