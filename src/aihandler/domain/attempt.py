"""Plans and attempts: what may be tried, and what was."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.clearance import Clearance, Exclusion
from aihandler.domain.labels import Labels
from aihandler.domain.usage import Cost, Usage

# Why an attempt was made; the words are those of `docs/words.md`.
AttemptReason = Literal["first", "retry", "fallback", "reask", "escalation"]
# What became of it. `abstained`: a model of this process was not sure enough; `invalid`: it
# answered, and validation said no; `in_doubt`: sent, and we died before we knew the end.
AttemptOutcome = Literal["valid", "invalid", "abstained", "refused", "failed", "in_doubt"]

# Fewer measured answers say too little: 50 leave a rate of .9 uncertain by about .08 either way.
MIN_ANSWERS = 50


class Evidence(msgspec.Struct, frozen=True):
    """How good a deployment is at a task: a rate in 0..1 over `n` answers.

    `measured` counts valid answers, `compared` right ones on labelled data.
    """

    rate: float
    n: int
    source: Literal["measured", "declared", "compared"] = "measured"

    @property
    def enough(self) -> bool:
        """True when it may be relied on: declared, or seen on at least MIN_ANSWERS."""
        return self.source == "declared" or self.n >= MIN_ANSWERS


class Compared(msgspec.Struct, frozen=True):
    """How a deployment did in the newest comparison on labelled data: a score in 0..1 over `n`
    items, with the bounds of its interval. `version` is the task's, `identity` the deployment's;
    `verdict` is against the deployment that it was held against.
    """

    at: float
    version: str
    identity: str
    n: int
    score: float
    low: float | None = None
    high: float | None = None
    verdict: str = ""

    @property
    def worse(self) -> bool:
        """True when it was shown to be worse than what it was held against."""
        return self.verdict == "worse"


class Snapshot(msgspec.Struct, frozen=True):
    """The state that routing may look at, taken once per plan. Keys are (task, deployment).

    `unavailable` cannot be asked at all; `set_aside` keeps failing and is asked when nothing else
    is left, or when it would be more than `max_ejection_percent` of the candidates. Both map a
    deployment to the reason.
    """

    quality: Mapping[tuple[str, str], Evidence] = {}
    latency_p95_s: Mapping[tuple[str, str], float] = {}
    cost_nano: Mapping[tuple[str, str], int] = {}
    compared: Mapping[tuple[str, str], Compared] = {}
    unavailable: Mapping[str, str] = {}
    set_aside: Mapping[str, str] = {}
    max_ejection_percent: int = 50


class Candidate(msgspec.Struct, frozen=True):
    """A deployment to try, why it stands here, and what it may cost (None: not known)."""

    deployment: str
    expected_nano: int | None = None
    quality: Evidence | None = None
    reason: str = ""
    compared: Compared | None = None


class Plan(msgspec.Struct, frozen=True):
    """A pure function of configuration, labels and snapshot. The engine runs it and adds nothing.

    `exclusions` are those of the clearance first, then those of routing, in the order of gates.
    """

    task: str
    labels: Labels
    clearance: Clearance
    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...] = ()
    order: str = ""


class AttemptReport(msgspec.Struct, frozen=True):
    """One attempt as its user sees it. `problems` never quote the document; `finish` is why the
    model stopped (`Reply.finish`), empty when it said nothing.
    """

    entry_id: int
    deployment: str
    reason: AttemptReason
    outcome: AttemptOutcome
    cost: Cost
    latency_s: float
    usage: Usage | None = None
    confidence: float | None = None
    problems: tuple[str, ...] = ()
    error: str = ""
    finish: str = ""
