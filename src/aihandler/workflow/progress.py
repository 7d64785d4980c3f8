"""How far a run is: counts, money, rate, and an estimate to the end."""

from collections import Counter

from aihandler.domain.ports import Clock
from aihandler.domain.usage import NANO
from aihandler.workflow.executor import Ended

# The rate looks back over about this many documents, so that it follows what happens now.
_LOOK_BACK = 200


class Progress:
    """Counts documents as they end."""

    def __init__(self, clock: Clock, *, total: int | None) -> None:
        self.total = total
        self.documents = 0
        self.reused = 0
        self.unreadable = 0
        self.states: Counter[str] = Counter()
        self.cost_nano = 0
        self.unpriced = 0
        self._clock = clock
        self._started = clock.monotonic()
        self._marks: list[float] = [self._started]

    def note(self, ended: Ended) -> None:
        """Takes one more document into account."""
        self.documents += 1
        self.unreadable += ended.unreadable
        answers = [step.answer for step in ended.result.steps.values() if step.answer]
        self.reused += bool(answers) and all(answer.reused for answer in answers)
        self.states.update(step.state for step in ended.result.steps.values())
        for answer in answers:
            if not answer.reused:
                self.cost_nano += answer.cost.marginal + answer.cost.allocated
                self.unpriced += answer.cost.status == "unpriced"
        self._marks.append(self._clock.monotonic())
        del self._marks[:-_LOOK_BACK]

    @property
    def cost_usd(self) -> float:
        """What this run has spent, in dollars; what has no price is counted in `unpriced`."""
        return self.cost_nano / NANO

    @property
    def valid_share(self) -> float | None:
        """Valid answers among the steps that were asked for; None before the first."""
        asked = sum(self.states[state] for state in ("done", "review", "error"))
        return self.states["done"] / asked if asked else None

    @property
    def per_second(self) -> float:
        """Documents a second over the latest ones."""
        span = self._marks[-1] - self._marks[0]
        return (len(self._marks) - 1) / span if span > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds to the end at this rate; None when it cannot be told."""
        if self.total is None or not self.per_second:
            return None
        return max(0, self.total - self.documents) / self.per_second

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started
