"""Which deployment answered a conversation: it is asked first when the conversation goes on.

Prompt caches and the signatures of thinking are worth something only where they were made. What
is remembered here is of one worker, and only a wish: the plan says who may be asked.
"""

from collections import OrderedDict

from aihandler.domain.conversation import Request
from aihandler.domain.keys import digest_text
from aihandler.domain.ports import Clock
from aihandler.domain.task import Task

# The longest that providers keep a prompt.
KEPT_S = 3600.0
MOST = 10_000


class Sticking:
    """The deployments of the conversations that were heard of last."""

    def __init__(self, clock: Clock, *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def of(self, conversation: str) -> str:
        """The deployment that answered it last; empty when that is not known, or long ago."""
        name, at = self._known.get(conversation, ("", 0.0))
        return name if name and self._clock.monotonic() - at < KEPT_S else ""

    def note(self, conversation: str, deployment: str) -> None:
        """Remembers who answered; forgets the one that was heard of longest ago."""
        self._known[conversation] = (deployment, self._clock.monotonic())
        self._known.move_to_end(conversation)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


def has_choice(task: Task) -> bool:
    """Whether more than one deployment may answer."""
    return task.candidates is None or len(task.candidates) > 1


def conversation_of(request: Request, *, asker: str, task: str) -> str:
    """Names a conversation by its beginning and by who has it, or as its client names it.

    A digest, so that no text stays in memory.
    """
    said = request.extra.get("prompt_cache_key")
    if isinstance(said, str) and said:
        return digest_text("cache key", asker, task, said)
    first, system = None, []
    for message in request.messages:
        if message.role == "system":
            system.append(message.text)
        elif first is None and message.role == "user":
            first = message.text
    return digest_text("conversation", asker, task, system, first or "")
