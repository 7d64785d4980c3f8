"""Answers that are kept for equal requests, and what the ledger has of those they were told."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from aihandler.domain.answer import Reply, Validity
from aihandler.domain.labels import DataClass
from aihandler.domain.task import CacheSettings, Json
from aihandler.domain.usage import Usage

# What a call wants of the cache: nothing; an answer that is there; one that is made anew and kept.
CacheUse = Literal["off", "use", "renew"]
# What came of a call that looked for a kept answer, or of an answer that could be kept.
CacheEvent = Literal["hit", "miss", "kept"]
# Called with the task and what came of it.
CacheWatch = Callable[[str, CacheEvent], None]


class KeptAnswer(msgspec.Struct, frozen=True):
    """A valid answer, with the call that it was made for, when, and by which deployment.

    `usage` is what its last attempt counted.
    """

    call_id: str
    at: float
    route: str
    value: Json
    validity: Validity
    confidence: float | None = None
    notes: tuple[str, ...] = ()
    usage: Usage | None = None
    reply: Reply | None = None


class Owner(msgspec.Struct, frozen=True):
    """Whose an answer is: what it is counted and forgotten by."""

    task: str
    tenant: str


class KeptAnswers(Protocol):
    """Keeps answers by key, also for other processes. Methods raise StorageError."""

    def find(self, key: bytes) -> KeptAnswer | None:
        """The answer that was kept last, however old. Waits for no other process."""
        ...

    def keep(
        self, key: bytes, answer: KeptAnswer, *, owner: Owner, settings: CacheSettings
    ) -> None:
        """Keeps it in place of an earlier one; the oldest of its task leave when there are more
        than `settings` allow. Waits for the disk.
        """
        ...


class CacheHit(msgspec.Struct, frozen=True):
    """A call that was answered from the cache. `source` is the call that was asked, `age_s` ago."""

    call_id: str
    at: float
    source: str
    age_s: float
    task: str
    task_version: str
    deployment: str
    validity: Validity
    data_class: DataClass
    clearance: str
    tenant: str = ""
    tags: Mapping[str, str] = {}
