"""Data classes, and the labels that follow a request."""

import enum
from collections.abc import Iterable

import msgspec


class DataClass(enum.Enum):
    """How sensitive data is. Ordered: `public < internal < confidential < restricted`."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"

    rank: int

    def __new__(cls, value: str) -> "DataClass":
        """Gives each class its rank: 0 for public up to 3 for restricted."""
        data_class = object.__new__(cls)
        data_class._value_ = value
        data_class.rank = len(cls.__members__)
        return data_class

    # Enum goes by a name, in Python; there is one of each, and many keys hold one.
    __hash__ = object.__hash__

    def __lt__(self, other: "DataClass") -> bool:
        return self.rank < other.rank

    def __le__(self, other: "DataClass") -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: "DataClass") -> bool:
        return self.rank > other.rank

    def __ge__(self, other: "DataClass") -> bool:
        return self.rank >= other.rank


class ClassSource(msgspec.Struct, frozen=True):
    """One thing that a step reads, and its class: `what` is "document", "task", "step triage"."""

    what: str
    data_class: DataClass


class Labels(msgspec.Struct, frozen=True):
    """What policy may know of a request: its class, why it has that class, and whose it is.

    `ceiling` is the highest class that who asks may ask for.
    """

    data_class: DataClass = DataClass.INTERNAL
    sources: tuple[ClassSource, ...] = ()
    tenant: str = ""
    ceiling: DataClass = DataClass.RESTRICTED


def label(sources: Iterable[ClassSource], *, tenant: str = "") -> Labels:
    """Gives a request the highest class of all that it reads; `internal` when it reads nothing."""
    read = tuple(sources)
    highest = max((s.data_class for s in read), default=DataClass.INTERNAL)
    return Labels(highest, read, tenant)
