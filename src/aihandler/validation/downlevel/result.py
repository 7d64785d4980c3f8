"""What comes of down-levelling: a schema to send and the way back, or the reason against it."""

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.downlevel.subsets import Enforced
from aihandler.validation.downlevel.undo import Changes, undo


class Dropped(msgspec.Struct, frozen=True):
    """A limit that the server is not told. `pointer` is a place in the task's schema, read
    through its references."""

    pointer: str
    keyword: str


class Renamed(msgspec.Struct, frozen=True):
    """A keyword that is said in other words; the answer is held to the same or to less freedom."""

    pointer: str
    keyword: str
    sent_as: str


class Downlevelled(msgspec.Struct, frozen=True):
    """A schema that the server accepts.

    enforced: `full` when every answer that `sent` admits is valid under the task's schema once
    undone, `partial` when limits were dropped or the server is known to let others through,
    `none` when nothing holds the model to it.
    """

    sent: Json
    enforced: Enforced
    dropped: tuple[Dropped, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changes: Changes = Changes()

    def undo(self, value: Json) -> Json:
        """The answer as the task's schema means it; to be called before it is validated.

        An answer that does not look as if the server had followed `sent` comes back as it is.
        """
        return undo(value, self.sent, self.changes)


class PassedOver(msgspec.Struct, frozen=True):
    """The schema cannot be said in this subset; `reason` names the place."""

    reason: str
