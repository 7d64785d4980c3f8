"""Every error of ours, and what each one becomes at the edge.

AIHandlerError
├─ ConfigError             file, line, path, what was expected           exit 2
├─ InputError              a document or request that cannot be read     exit 2   HTTP 400
├─ Unauthenticated                                                       exit 3   HTTP 401
├─ Refused                 which rule, why                               exit 3
│  ├─ PolicyDenied                                                                HTTP 403
│  ├─ BudgetExceeded       what may be spent in a period                          HTTP 402, 429
│  └─ Overloaded                                                                  HTTP 503
├─ BackendError            which deployment                              exit 4
│  ├─ BackendUnavailable   connection, timeout, 5xx, 429: the next candidate is tried  HTTP 502
│  ├─ BackendRejected      4xx: not the same deployment again            HTTP 502
│  │  └─ ContextExceeded   the request is too long for it                HTTP 400
│  └─ ContentRefused       the model's own filter                        HTTP 422
├─ AnswerRejected          every candidate answered, none validly        exit 5   HTTP 422
├─ AllAttemptsFailed       holds `.attempts`, each with its error        exit 4   HTTP 502
└─ StorageError            ledger, disk                                  exit 6   HTTP 503
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from aihandler.domain.answer import Reply
    from aihandler.domain.attempt import AttemptReport
    from aihandler.domain.labels import DataClass

__all__ = [
    "AIHandlerError",
    "AllAttemptsFailed",
    "AnswerRejected",
    "BackendError",
    "BackendRejected",
    "BackendUnavailable",
    "BudgetExceeded",
    "ConfigError",
    "ContentRefused",
    "ContextExceeded",
    "InputError",
    "Mistake",
    "Overloaded",
    "PolicyDenied",
    "Refused",
    "StorageError",
    "Unauthenticated",
]


class AIHandlerError(Exception):
    """What happened and where (`str(error)`), and what to do (`hint`).

    Never carries a secret, a prompt or an answer: messages reach logs.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """What happened and where, without the hint."""
        return str(self.args[0])


class Mistake:
    """One mistake in a configuration file: `file:line: message (at path)`, and a hint."""

    __slots__ = ("file", "hint", "line", "message", "path")

    def __init__(self, message: str, *, file: str, line: int, path: str, hint: str = "") -> None:
        self.message = message
        self.file = file
        self.line = line
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        place = f" (at {self.path})" if self.path else ""
        return f"{self.file}:{self.line}: {self.message}{place}"

    def __repr__(self) -> str:
        return f"Mistake({str(self)!r})"


class ConfigError(AIHandlerError):
    """The configuration cannot be used. `mistakes` holds all of them, in file order."""

    code = "config"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", mistakes: Sequence["Mistake"] = ()) -> None:
        super().__init__(message, hint=hint)
        self.mistakes = tuple(mistakes)


class InputError(AIHandlerError):
    """A document or request that cannot be read."""

    code = "input"
    exit_code = 2
    http_status = 400


class Unauthenticated(AIHandlerError):
    """No key, or one that is not known."""

    code = "unauthenticated"
    exit_code = 3
    http_status = 401


class Refused(AIHandlerError):
    """A rule of ours says no; the message names the rule."""

    code = "refused"
    exit_code = 3
    http_status = 403


class PolicyDenied(Refused):
    """The data may not go where it would have to go."""

    code = "policy_denied"


class BudgetExceeded(Refused):
    """A budget cannot hold what an attempt may cost.

    `scope` names the budget (`team:search`), `left_nano` is what is not spent of it, `ends_at`
    when its period ends (seconds since 1970; None: never). HTTP 402; 429 with a short
    `retry_after_s` when it is not spent, and calls under way hold it.
    """

    code = "budget_exceeded"
    http_status = 402

    def __init__(
        self,
        message: str,
        *,
        scope: str = "",
        left_nano: int = 0,
        ends_at: float | None = None,
        retry_after_s: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.scope = scope
        self.left_nano = left_nano
        self.ends_at = ends_at
        self.retry_after_s = retry_after_s
        if retry_after_s is not None:
            self.http_status = 429  # type: ignore[misc]  # here it is of the one error


class Overloaded(Refused):
    """No room for another call; try later, in `retry_after_s` seconds where that is known."""

    code = "overloaded"
    http_status = 503

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class BackendError(AIHandlerError):
    """A deployment did not answer as it should.

    `retry_after_s` is the server's own wish, in seconds, when it stated one. `partial` is the Reply
    as far as it had come when a stream broke off. `told` is the server's own body, where the client
    that asked speaks its format: it may repeat the request, so it goes to that client alone.
    `ours`: our key or our account was refused, which is nothing that a client could mend.
    """

    code = "backend"
    exit_code = 4
    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        deployment: str,
        status: int | None = None,
        retry_after_s: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.deployment = deployment
        self.status = status
        self.retry_after_s = retry_after_s
        self.partial: Reply | None = None
        self.told = b""
        self.ours = False


class BackendUnavailable(BackendError):
    """Connection, timeout, 5xx or 429: may work later, or elsewhere."""

    code = "backend_unavailable"


class BackendRejected(BackendError):
    """The server will not answer this request; asking it again is of no use."""

    code = "backend_rejected"


class ContextExceeded(BackendRejected):
    """The request is longer than this deployment's context; a shorter one may go through."""

    code = "context_exceeded"
    http_status = 400


class ContentRefused(BackendError):
    """The model or its provider's filter refused the content."""

    code = "content_refused"
    http_status = 422


class AnswerRejected(AIHandlerError):
    """Every candidate answered, none validly. `attempts` say which check failed where.

    `reply` is the last turn of a client's own conversation, which may be of use to it all the same;
    `data_class` is that of the call.
    """

    code = "answer_rejected"
    exit_code = 5
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        attempts: Sequence["AttemptReport"] = (),
        review_id: str | None = None,
        reply: "Reply | None" = None,
        data_class: "DataClass | None" = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.attempts = tuple(attempts)
        self.review_id = review_id
        self.reply = reply
        self.data_class = data_class


class AllAttemptsFailed(AIHandlerError):
    """No candidate answered. `attempts` hold each with its error.

    `too_small` are the deployments whose context does not hold the request; `last` is the last
    error of another one, where there is any.
    """

    code = "all_attempts_failed"
    exit_code = 4
    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        attempts: Sequence["AttemptReport"] = (),
        review_id: str | None = None,
        last: BackendError | None = None,
        too_small: Collection[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.attempts = tuple(attempts)
        self.review_id = review_id
        self.last = last
        self.too_small = frozenset(too_small)


class StorageError(AIHandlerError):
    """The ledger or the disk cannot take what must be written."""

    code = "storage"
    exit_code = 6
    http_status = 503
