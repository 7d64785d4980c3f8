"""Asks one deployment alone, to see what it says: no other may answer in its place."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.answer import Answer
from aihandler.domain.attempt import AttemptReport
from aihandler.domain.conversation import Message
from aihandler.domain.deployment import Deployment
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted
from aihandler.domain.task import Json, JsonOutput, Output, Task
from aihandler.domain.usage import Usage
from aihandler.engine import Call
from aihandler.engine.prompting import Prompts
from aihandler.errors import (
    AIHandlerError,
    AllAttemptsFailed,
    AnswerRejected,
    PolicyDenied,
)
from aihandler.policy import labels_for
from aihandler.validation import Validator

if TYPE_CHECKING:
    from aihandler.assembly import Rooms

# An attempt is followed by two retries at most (`engine`), each of which may be billed.
_RETRIES = 2
# What a server adds around messages (its template, what it says of tools), and the list of what
# was wrong in a re-ask.
_AROUND_TOKENS = 1024
_REASK_TOKENS = 4096


class Asked(msgspec.Struct, frozen=True):
    """A piece of work for one deployment.

    Repeats of it differ in `sample`. What was asked with the same `salt` before is not asked again.
    """

    task: str
    deployment: str
    fields: dict[str, str]
    data_class: DataClass
    document_id: str = ""
    sample: int = 0
    salt: str = ""
    tags: Mapping[str, str] = {}


class Heard(msgspec.Struct, frozen=True):
    """What came of it. Costs and times are sums over all attempts; None: not known.

    `bill_nano` is what was added to a bill, and `doubts` counts attempts that may have been billed
    beside it. `before` says that an earlier run has asked and paid; its cost and time are told.
    """

    outcome: Literal["answered", "invalid", "abstained", "refused", "failed"]
    value: Json = None
    cost_nano: int | None = None
    bill_nano: int = 0
    doubts: int = 0
    latency_ms: float | None = None
    call_id: str = ""
    error: str = ""
    before: bool = False


class Wording:
    """What deployments are sent, and what their answers are held to. Needs no ledger."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.deployments = tuple(configuration.deployments)
        self._prompts = Prompts()

    def messages(
        self, task: str, deployment: str, fields: Mapping[str, str]
    ) -> tuple[Message, ...]:
        """What a deployment is sent for these fields."""
        known = self._configuration
        return self._prompts.messages(known.tasks[task], known.deployments[deployment], fields)

    def validator(self, output: Output) -> Validator:
        """What judges the answers to an output."""
        return Validator(output)


class Asker:
    """Asks single deployments of one configuration. `Handler.asker()` makes one."""

    def __init__(self, rooms: "Rooms", *, new_id: Callable[[], str]) -> None:
        self._rooms = rooms
        self._new_id = new_id
        self.wording = Wording(rooms.configuration)

    async def ask(self, asked: Asked) -> Heard:
        """Asks, unless it was heard before. An answer that does not come is heard too.

        Raises StorageError, and Refused when nothing may be asked at all (a budget, a switch).
        """
        deployment = self._rooms.configuration.deployments[asked.deployment]
        call = _call(asked, self._task(asked), deployment, call_id=self._new_id())
        if deployment.in_process:
            # It costs nothing, and follows from what the model has learned by now.
            return await _heard(self._rooms, call)
        journal = self._rooms.ledger.journal
        work_key = _work_key(asked, call.task, deployment)
        earlier = journal.done(work_key)
        if earlier is not None:
            return msgspec.structs.replace(_decode(earlier.answer), before=True)
        heard = await _heard(self._rooms, call)
        # A server that was down may be up at the next try.
        if heard.outcome != "failed":
            await journal.accept(_accepted(work_key, asked, heard))
        return heard

    def was_heard(self, asked: Asked) -> bool:
        """True when asking costs nothing more: the answer is in the ledger."""
        deployment = self._rooms.configuration.deployments[asked.deployment]
        work_key = _work_key(asked, self._task(asked), deployment)
        return deployment.in_process or self._rooms.ledger.journal.done(work_key) is not None

    def most_nano(self, asked: Asked) -> int | None:
        """The most that asking may add to a bill, over all attempts; None: not known."""
        deployment = self._rooms.configuration.deployments[asked.deployment]
        return 0 if deployment.in_process else self._most(self._task(asked), deployment, asked)

    def _task(self, asked: Asked) -> Task:
        # Nobody is asked to review, and no default stands in.
        return msgspec.structs.replace(
            self._rooms.configuration.tasks[asked.task],
            candidates=(asked.deployment,),
            otherwise="error",
        )

    def _most(self, task: Task, deployment: Deployment, asked: Asked) -> int | None:
        most_output = task.max_output_tokens
        if most_output is None:
            # Where tokens cost nothing, no number of them is too many.
            million = Usage(input=1_000_000, output=1_000_000)
            return None if self._rooms.prices.expected_nano(deployment, million) else 0
        messages = self.wording.messages(task.name, deployment.name, asked.fields)
        said = sum(len(message.text.encode()) for message in messages)
        # No tokenizer makes more tokens than there are bytes.
        first = said + 2 * len(_schema(task)) + _AROUND_TOKENS
        # A re-ask repeats the answer that was wrong, and says what is wrong with it.
        longest = first + task.limits.reasks * (2 * most_output + _REASK_TOKENS)
        usage = Usage(input=longest, output=most_output)
        each = self._rooms.prices.expected_nano(deployment, usage)
        attempts = min(task.limits.attempts, 1 + task.limits.reasks + _RETRIES)
        return None if each is None else each * attempts


_decode = msgspec.json.Decoder(Heard).decode


def _call(asked: Asked, task: Task, deployment: Deployment, *, call_id: str) -> Call:
    return Call(
        id=call_id,
        task=task,
        labels=labels_for(task, document_class=asked.data_class),
        fields=asked.fields,
        source="\n".join(asked.fields.values()),
        tags=asked.tags,
        document_id=asked.document_id,
        step="compare",
        sample=asked.sample,
        reuse=not deployment.in_process and not asked.salt,
    )


def _accepted(work_key: bytes, asked: Asked, heard: Heard) -> Accepted:
    return Accepted(
        work_key,
        digest("answer", heard.value),
        msgspec.json.encode(heard),
        document_id=asked.document_id,
        step="compare",
    )


def _schema(task: Task) -> bytes:
    return msgspec.json.encode(task.output.schema) if isinstance(task.output, JsonOutput) else b""


async def _heard(rooms: "Rooms", call: Call) -> Heard:
    try:
        answer = await rooms.engine.run(call)
    except AnswerRejected as error:
        return _unheard(call, error, error.attempts, _outcome(error.attempts))
    except AllAttemptsFailed as error:
        refused = any(report.outcome == "refused" for report in error.attempts)
        return _unheard(call, error, error.attempts, "refused" if refused else "failed")
    except PolicyDenied as error:
        # Cleared before: it is this input that does not fit (it may cost too much).
        return _unheard(call, error, (), "failed")
    return _answered(answer)


def _answered(answer: Answer[Json]) -> Heard:
    heard = _sums(answer.attempts)
    return msgspec.structs.replace(
        heard, outcome="answered", value=answer.value, call_id=answer.call_id
    )


def _unheard(
    call: Call,
    error: AIHandlerError,
    attempts: tuple[AttemptReport, ...],
    outcome: Literal["invalid", "abstained", "refused", "failed"],
) -> Heard:
    return msgspec.structs.replace(
        _sums(attempts), outcome=outcome, call_id=call.id, error=error.message
    )


def _sums(attempts: tuple[AttemptReport, ...]) -> Heard:
    """What attempts cost and took together; one that was found again (entry 0) tells neither."""
    found_again = any(report.entry_id == 0 and not report.error for report in attempts)
    unpriced = any(report.cost.status == "unpriced" for report in attempts)
    doubts = sum(report.outcome == "in_doubt" for report in attempts)
    bill = sum(report.cost.marginal for report in attempts)
    all_of_it = bill + sum(report.cost.allocated for report in attempts)
    took_ms = sum(report.latency_s for report in attempts) * 1000
    return Heard(
        "failed",
        cost_nano=None if found_again or unpriced or doubts else all_of_it,
        bill_nano=bill,
        doubts=doubts,
        latency_ms=None if found_again else took_ms,
    )


def _outcome(attempts: tuple[AttemptReport, ...]) -> Literal["invalid", "abstained", "refused"]:
    said = [report.outcome for report in attempts if report.outcome not in ("failed", "in_doubt")]
    match said[-1:]:
        case ["abstained"]:
            return "abstained"
        case ["refused"]:
            return "refused"
    return "invalid"


def _work_key(asked: Asked, task: Task, deployment: Deployment) -> bytes:
    temperature = task.temperature or 0.0
    return digest(
        "compare",
        (task.name, task.version, temperature, task.min_confidence, task.quality_target),
        (deployment.identity, deployment.profile),
        sorted(asked.fields.items()),
        asked.data_class.value,
        asked.sample,
        asked.salt,
    )
