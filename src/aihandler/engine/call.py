"""One request of a user, before anything is decided about it."""

from collections.abc import Callable, Mapping

import msgspec

from aihandler.domain.budget import Budget
from aihandler.domain.conversation import Message, Request
from aihandler.domain.inspection import Inspected
from aihandler.domain.kept import CacheUse
from aihandler.domain.labels import Labels
from aihandler.domain.task import Priority, Task
from aihandler.domain.usage import Usage


class Call(msgspec.Struct, frozen=True):
    """What is wanted, by whom, and for which piece of work.

    `messages`, when given, are asked as they are; else the task's prompt is filled with `fields`.
    `source` is the text that grounding compares with. `reuse` allows an answer that an equal
    attempt has had before; two samples of one request differ in `sample`. `asked` is a client's
    own request, with its tools and settings, whose messages are `messages`; `beside` is what a
    client says beside the one text that is the task's input: sampling, thinking, fields of its
    format, the form that it wants. Whoever waits for the answer does so for `patience_s` at most
    before a server that asked for a pause is asked again.
    `budgets` are those of who asks, beside the configuration's, which go by task, deployment and
    the tags `key`, `team` and `user`.
    `prefer` names the deployment that is tried first where the plan has it and it is well;
    `conversation` names the conversation of which it is a turn, where a choice is remembered.
    `inspections` are those that were made already, before the engine makes its own.
    `cache` says what is wanted of the answers that a task keeps for equal requests, if it does.
    `permit` raises where what let the call in, with the labels that it has by then, has ended
    since; it is asked after each wait, before anything is sent or told.
    `metered` is told what each attempt used that may have used something; None: nobody counted it.
    Calls of `priority` batch wait for a place behind the others; those of one key take turns.
    """

    id: str
    task: Task
    labels: Labels
    fields: Mapping[str, str]
    messages: tuple[Message, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = {}
    work_key: bytes = b""
    run_id: str = ""
    document_id: str = ""
    step: str = ""
    sample: int = 0
    reuse: bool = True
    asked: Request | None = None
    beside: Request | None = None
    patience_s: float | None = None
    budgets: tuple[Budget, ...] = ()
    priority: Priority = "interactive"
    prefer: str = ""
    conversation: str = ""
    inspections: tuple[Inspected, ...] = ()
    cache: CacheUse = "off"
    permit: Callable[[Labels], None] | None = None
    metered: Callable[[Usage | None], None] | None = None

    def require(self) -> None:
        """Raises what `permit` does."""
        if self.permit is not None:
            # Of its labels now: who looked at its content may have raised its class.
            self.permit(self.labels)

    def meter(self, usage: Usage | None) -> None:
        """Tells what an attempt used."""
        if self.metered is not None:
            self.metered(usage)
