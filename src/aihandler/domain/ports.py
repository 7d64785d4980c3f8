"""What the engine is given: protocols whose implementations only `handler.py` builds."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from aihandler.domain.answer import Reply, StreamEvent, Validity
from aihandler.domain.attempt import AttemptOutcome, AttemptReason, Snapshot
from aihandler.domain.budget import Budget, Held
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.inspection import Finding, Inspected, Material
from aihandler.domain.kept import CacheHit
from aihandler.domain.labels import DataClass
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import Json
from aihandler.domain.usage import Cost, Usage


class Clock(Protocol):
    """Time as an argument. `monotonic` measures; `wall` (seconds since 1970, UTC) only dates."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits without holding up others."""
        ...


class Inspector(Protocol):
    """Looks at a request once, before it is decided where it may go: a guard, or who asks one.

    One that asks a model may only ask such as may have `restricted` data. Whatever it raises, the
    request is refused: what was not looked at goes nowhere.
    """

    @property
    def name(self) -> str:
        """What the ledger and messages call it."""
        ...

    @property
    def version(self) -> str:
        """Changes with what it finds."""
        ...

    async def inspect(self, material: Material) -> Finding:
        """What is in it. May raise the class or refuse, never lower."""
        ...


class Caller(Protocol):
    """Sends one attempt to one deployment and never retries.

    Every method checks the clearance itself before anything is sent, and raises PolicyDenied.
    `sent` is called once, when the first byte has gone to a socket (or the model starts to run);
    `deadline` is a moment of `Clock.monotonic`. Raises BackendError and its children.
    """

    async def call(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> Reply:
        """The whole reply."""
        ...

    def stream(
        self,
        request: Request,
        deployment: Deployment,
        clearance: Clearance,
        *,
        deadline: float,
        sent: Callable[[], None],
    ) -> AsyncGenerator[StreamEvent]:
        """The reply as it comes; the last event is ReplyDone."""
        ...

    def model_identity(self, request: Request, deployment: Deployment) -> str:
        """Names the weights that answer: part of the attempt key."""
        ...

    def schema_means(
        self, request: Request, deployment: Deployment, *, streamed: bool
    ) -> tuple[SchemaMeans, ...]:
        """By which means this deployment may be held to the request's schema, best first.

        Empty when it is not to be told of a schema, as the models of this process are not.
        """
        ...

    async def close(self) -> None:
        """Gives connections and processes back."""
        ...


class Intent(msgspec.Struct, frozen=True):
    """An attempt before it is made: all that is known then.

    `key` names the attempt's content (see `engine`), `work_key` the work it is part of.
    """

    key: bytes
    call_id: str
    task: str
    task_version: str
    deployment: str
    model: str
    reason: AttemptReason
    data_class: DataClass
    clearance: str
    expected_nano: int | None
    started_at: float
    run_id: str = ""
    document_id: str = ""
    step: str = ""
    tenant: str = ""
    tags: Mapping[str, str] = {}
    # Canonical JSON of the messages; kept apart from the ledger, or not at all.
    request: bytes = b""
    # How the schema was asked for (`SentSchema`): by which means, what of it the server holds the
    # model to, and how many of its limits the server was not told.
    schema_mode: str = ""
    enforced: str = ""
    dropped: int = 0
    # What budgets hold for it until it is settled; None where none applies.
    held: Held | None = None
    # Who looked at the request, and what that changed.
    inspections: tuple[Inspected, ...] = ()


class Settlement(msgspec.Struct, frozen=True):
    """How an attempt ended, and what it cost. `reply` is the encoded Reply, if there was one.

    `fingerprint`, `tier` (in the provider's own word) and `reported_cost_usd` are what the provider
    said of itself; the last stands beside our cost and never in its place.
    """

    outcome: AttemptOutcome
    cost: Cost
    latency_s: float
    first_byte_s: float | None = None
    usage: Usage | None = None
    validity: Validity | None = None
    confidence: float | None = None
    error_code: str = ""
    problems: tuple[str, ...] = ()
    status: int | None = None
    reported_model: str = ""
    request_id: str = ""
    reply: bytes = b""
    fingerprint: str = ""
    tier: str = ""
    reported_cost_usd: Decimal | None = None


class Accepted(msgspec.Struct, frozen=True):
    """Work that is done: the answer that every later run finds under `work_key`.

    `answer` is the encoded Answer; `version` is the digest of its value, which is part of the
    work keys of all steps that read it.
    """

    work_key: bytes
    version: bytes
    answer: bytes
    run_id: str = ""
    document_id: str = ""
    step: str = ""


class ReviewItem(msgspec.Struct, frozen=True):
    """A document's step without a valid answer, for a person to decide.

    `input` is the JSON of the task's fields; `attempts` is the JSON of all AttemptReports;
    `proposal` is the best answer that was not accepted, if there is one.
    """

    id: str
    work_key: bytes
    task: str
    data_class: DataClass
    reason: str
    created_at: float
    run_id: str = ""
    document_id: str = ""
    step: str = ""
    tenant: str = ""
    input: bytes = b""
    attempts: bytes = b""
    proposal: Json = None
    state: Literal["open", "accepted", "corrected"] = "open"


class Journal(Protocol):
    """The write side of the ledger. Coroutines return once what they wrote is durable.

    Raises StorageError when the disk cannot take it; the caller then sends nothing more.
    """

    def note_clearance(self, clearance: Clearance) -> None:
        """Keeps what a clearance allowed, once, so that `show` can say where data could go."""
        ...

    async def intend(self, intent: Intent) -> int:
        """Writes an intent, returns its entry id. Nothing is sent before this has returned."""
        ...

    def sent(self, entry_id: int) -> None:
        """Notes that bytes of this attempt have gone out; written with the next commit."""
        ...

    async def settle(self, entry_id: int, settlement: Settlement) -> None:
        """Writes how the attempt ended."""
        ...

    def settle_with_next(self, entry_id: int, settlement: Settlement) -> None:
        """As `settle`, without waiting: durable as soon as what is awaited next is."""
        ...

    async def synced(self, *, until: float) -> None:
        """Returns once all that was written before is on the disk, and outlives the machine.

        Raises StorageError when it is not by `until`, a moment of `Clock.monotonic`.
        """
        ...

    async def accept(self, accepted: Accepted) -> None:
        """Writes that a piece of work is done."""
        ...

    async def review(self, item: ReviewItem) -> None:
        """Queues a piece of work for a person."""
        ...

    async def hit(self, hit: CacheHit) -> None:
        """Writes that a call was answered from the cache: no attempt, no tokens, no money."""
        ...

    def finished(self, key: bytes) -> Reply | None:
        """The whole reply of an earlier settled attempt of the same key, to use again unpaid."""
        ...

    def done(self, work_key: bytes) -> Accepted | None:
        """The accepted answer of this work, if there is one."""
        ...


class Pricer(Protocol):
    """Turns tokens and time into money."""

    def cost(
        self,
        deployment: Deployment,
        usage: Usage,
        latency_s: float,
        *,
        tier: str = "",
        at: float | None = None,
    ) -> Cost:
        """What an attempt has cost.

        `tier` is the service tier as the provider named it, empty where it named none; `at` is
        when it was asked, in seconds since 1970 (now when left out).
        """
        ...

    def expected_nano(self, deployment: Deployment, usage: Usage) -> int | None:
        """What an attempt of that size adds to a bill; None when there is no price."""
        ...

    def bound_nano(self, deployment: Deployment, usage: Usage, *, tier: str = "") -> int | None:
        """What an attempt of that size can add to a bill at most, whichever kinds its tokens
        turn out to be; None when there is no price."""
        ...


class Reserves(Protocol):
    """Money that is held before a send, within budgets that several processes share."""

    async def reserve(
        self,
        budgets: Sequence[Budget],
        nano: int,
        *,
        purpose: str,
        patience_s: float,
        longest_s: float = 0.0,
    ) -> Held:
        """Holds `nano` in each of these, or in none.

        Where calls under way hold what is not spent, waits for it: up to `patience_s` after
        something came back last, and up to `longest_s` in all where that is more. `purpose` is
        for the message. Raises BudgetExceeded, StorageError.
        """
        ...

    def settle(self, held: Held, spent_nano: int) -> None:
        """Gives back what was held and not spent. The journal books what was."""
        ...


SnapshotSource = Callable[[], Snapshot]
