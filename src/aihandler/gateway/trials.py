"""A configuration that was asked for, while workers with it start beside those that serve."""

from collections.abc import Sequence

from aihandler.config.configuration import Configuration
from aihandler.gateway.lives import Worker
from aihandler.ledger.configurations import Change


class Trial:
    """What is to come into force once all its workers take requests."""

    def __init__(
        self, asked: Change, configuration: Configuration, workers: Sequence[Worker]
    ) -> None:
        self.asked = asked
        self.configuration = configuration
        self.workers = workers

    @property
    def is_over(self) -> bool:
        """Whether it can be told how it ends."""
        return self.holds or any(worker.is_dead or worker.is_late for worker in self.workers)

    @property
    def holds(self) -> bool:
        """Whether all workers take requests."""
        return all(worker.is_ready and not worker.is_dead for worker in self.workers)
