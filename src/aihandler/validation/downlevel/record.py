"""What is found out on the way through a schema: limits dropped, words changed, its size."""

from aihandler.domain.task import Json
from aihandler.validation.downlevel.refusal import NotSayable
from aihandler.validation.downlevel.result import Dropped, Renamed
from aihandler.validation.downlevel.subsets import Subset

# Unions and references multiply; what a server compiles out of more than this takes minutes.
MAX_PARTS = 20_000


class Record:
    """Filled while a schema is rewritten for one subset."""

    def __init__(self, subset: Subset, *, most: int = MAX_PARTS) -> None:
        self.subset = subset
        self._most = most
        self._dropped: dict[Dropped, None] = {}
        self._renamed: dict[Renamed, None] = {}
        self._parts = 0

    def part(self) -> None:
        """Counts one part of the sent schema."""
        self._parts += 1
        if self._parts > self._most:
            raise NotSayable(f"with its references written out it has over {self._most:,} parts")

    def drop(self, at: str, keyword: str) -> None:
        """A limit that is not sent."""
        self._dropped[Dropped(at, keyword)] = None

    def rename(self, at: str, keyword: str, sent_as: str) -> None:
        """A limit that is sent in other words."""
        self._renamed[Renamed(at, keyword, sent_as)] = None

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """In the order in which they were met."""
        return tuple(self._dropped)

    @property
    def renamed(self) -> tuple[Renamed, ...]:
        """In the order in which they were met."""
        return tuple(self._renamed)


def shown(at: str) -> str:
    """A place in a message; the root has an empty pointer."""
    return repr(at) if at else "the root"


def refuse_any(at: str) -> Json:
    """For a part that admits every value where the subset wants a type."""
    raise NotSayable(f"{shown(at)} admits any value, and this subset wants a type")
