"""Bounds for one rendering: a template is a program that somebody else wrote."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aihandler.errors import ConfigError, InputError

HINT = "use a template from the model's own repository, or one of the shipped ones"


class TemplateFailed(InputError):
    """A chat template cannot render this conversation."""

    code = "template"


class TemplateStopped(TemplateFailed):
    """A chat template wanted more than a rendering may use."""


class TemplateRejected(ConfigError):
    """A chat template that is no Jinja, or too large."""


@dataclass(frozen=True)
class TemplateLimits:
    """What one rendering may use; `characters` bounds every text that is built on the way."""

    source_characters: int = 262_144
    characters: int = 8_000_000
    steps: int = 100_000
    seconds: float = 2.0


@dataclass
class Allowance:
    """What is left of the limits of one rendering."""

    limits: TemplateLimits
    monotonic: Callable[[], float]
    name: str
    characters: int = 0
    steps: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.monotonic()

    def step(self, characters: int = 0) -> str:
        """Counts one pass through a loop or macro; an empty text, for the template to print."""
        self.steps += 1
        if self.steps > self.limits.steps:
            raise self.refusal(f"more than {self.limits.steps} steps")
        if self.monotonic() - self.started > self.limits.seconds:
            raise self.refusal(f"more than {self.limits.seconds} s")
        self.charge(characters)
        return ""

    def charge(self, characters: int) -> None:
        """Counts characters before or after they are built."""
        self.characters += characters
        if self.characters > self.limits.characters:
            raise self.refusal(f"more than {self.limits.characters} characters")

    def refusal(self, what: str) -> TemplateStopped:
        """The error for a limit that was passed."""
        return TemplateStopped(f"chat template {self.name!r} was stopped: {what}", hint=HINT)
