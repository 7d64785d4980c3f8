"""Which schema an attempt sends, by which means, and how its answer is judged."""

import msgspec

from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Caller
from aihandler.domain.schemas import SchemaMeans, SentSchema
from aihandler.domain.task import AskedOutput, JsonOutput, Output, Task
from aihandler.validation import Validator
from aihandler.validation.downlevel import MAX_PARTS, PassedOver, Subset, downlevel, load_subsets

# Of schemas that clients send; what is compiled of one may take megabytes.
MAX_ASKED = 64
# Each part takes about 30 us to be said in another server's words, and nobody else works meanwhile.
MAX_ASKED_PARTS = 5_000

# Clients name schemas of their own, and a compiled one may take a hundred KB.
_KEPT = 512


class Asking(msgspec.Struct, frozen=True):
    """How one task asks one deployment. `sent` is None where no schema is sent."""

    sent: SentSchema | None
    validator: Validator


class Schemas:
    """Lowers each task's schema once for each ladder that deployments have."""

    def __init__(self) -> None:
        self._subsets: dict[str, Subset] = {}
        self._asked: dict[tuple[str, str, bool, str], tuple[Deployment, Asking]] = {}
        self._made: dict[tuple[str, tuple[SchemaMeans, ...]], Asking] = {}
        # Those of clients, the oldest first.
        self._made_asked: dict[tuple[str, tuple[SchemaMeans, ...]], Asking] = {}

    def asking(
        self,
        task: Task,
        request: Request,
        caller: Caller,
        deployment: Deployment,
        *,
        streamed: bool,
    ) -> Asking:
        """What is sent to this deployment. The full schema judges the answer in any case.

        Raises InputError where the schema is a client's and cannot be used.
        """
        asked = isinstance(task.output, AskedOutput)
        plain = not (asked or request.tools or request.thinking)
        # A client's own bytes hold their server to a schema themselves.
        own = request.origin if request.raw else ""
        key = (task.version, deployment.name, streamed, own)
        known = self._asked.get(key) if plain else None
        if known is not None and known[0] is deployment:
            return known[1]
        means: tuple[SchemaMeans, ...] = ()
        if isinstance(request.output, JsonOutput):
            means = caller.schema_means(request, deployment, streamed=streamed)
        asking = self._by_means(task, means)
        if plain:
            if len(self._asked) >= _KEPT:
                self._asked.clear()
            self._asked[key] = (deployment, asking)
        return asking

    def _by_means(self, task: Task, means: tuple[SchemaMeans, ...]) -> Asking:
        key = (task.version, means)
        asked = isinstance(task.output, AskedOutput)
        made, most = (self._made_asked, MAX_ASKED) if asked else (self._made, _KEPT)
        if key not in made:
            if len(made) >= most:
                del made[next(iter(made))]
            made[key] = self._make(task.output, means)
        return made[key]

    def _make(self, output: Output, means: tuple[SchemaMeans, ...]) -> Asking:
        if not isinstance(output, JsonOutput) or not means:
            return Asking(None, Validator(output))
        most = MAX_PARTS
        if isinstance(output, AskedOutput):
            most = MAX_ASKED_PARTS
            # Nothing is made of a client's schema before it is known to be bounded and a schema.
            Validator(output)
        passed_over: list[str] = []
        for rung in means:
            lowered = downlevel(output.schema, self._subset(rung.subset), most=most)
            if isinstance(lowered, PassedOver):
                passed_over.append(f"{rung.mode}: {lowered.reason}")
                continue
            sent = SentSchema(
                lowered.sent,
                rung.mode,
                lowered.enforced,
                rung.subset,
                dropped=len(lowered.dropped),
                passed_over=tuple(passed_over),
            )
            return Asking(sent, Validator(output, undo=lowered.undo))
        # The last rung is the prompt, which passes nothing over.
        return Asking(None, Validator(output))

    def _subset(self, name: str) -> Subset:
        if not self._subsets:
            self._subsets.update(load_subsets())
        return self._subsets[name]
