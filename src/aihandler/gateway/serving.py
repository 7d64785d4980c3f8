"""What routes need of the house: calls are made, run and told of."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from aihandler.arguments import class_of
from aihandler.config.configuration import Configuration
from aihandler.domain.answer import Answer, StreamEvent
from aihandler.domain.labels import Labels
from aihandler.domain.ports import Clock
from aihandler.domain.task import Json, Task
from aihandler.engine import Call
from aihandler.gateway.admission import Asker
from aihandler.gateway.targets import Targets
from aihandler.policy import labels_for

CLASS_HEADER = "x-aihandler-class"


class Runs(Protocol):
    """The engine, as `Handler` offers it."""

    async def run_call(self, call: Call) -> Answer[Json]:
        """A valid answer, recorded."""
        ...

    def stream_call(self, call: Call) -> AsyncGenerator[StreamEvent | Answer[Json]]:
        """Events as they come, then the answer."""
        ...

    def new_id(self) -> str:
        """Names a call."""
        ...


class Serving:
    """One configuration in force."""

    def __init__(self, configuration: Configuration, runs: Runs, *, clock: Clock) -> None:
        self.configuration = configuration
        self.targets = Targets(configuration, {})
        self.clock = clock
        self._runs = runs
        self.run = runs.run_call
        self.stream = runs.stream_call
        self.new_id = runs.new_id

    def labels(self, task: Task, headers: Mapping[str, str], asker: Asker) -> Labels:
        """The class of a request: a header may say it, and never lowers what key or task say."""
        said = class_of(headers.get(CLASS_HEADER) or None)
        return labels_for(task, document_class=said, key=asker.key)
