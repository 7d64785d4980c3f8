"""What a comparison saw: every item, through every deployment, as often as was asked."""

from typing import Literal

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json

OutcomeKind = Literal["answered", "invalid", "abstained", "refused", "failed"]


class Item(msgspec.Struct, frozen=True):
    """One piece of work. Items of one cluster (a customer, a template) are not independent."""

    id: str
    fields: dict[str, str]
    expected: Json = None
    cluster: str = ""
    tags: tuple[str, ...] = ()
    data_class: DataClass = DataClass.INTERNAL


class Dataset(msgspec.Struct, frozen=True):
    """Items with the digest of their content, which is the version of the data."""

    name: str
    digest: str
    items: tuple[Item, ...]


class Observation(msgspec.Struct, frozen=True):
    """One item, answered once by one deployment.

    `scores` are between 0 (wrong) and 1 (right), by scorer. An answer that did not come, or was
    not valid, scores 0 everywhere: work that is not done is not right.
    """

    item: str
    deployment: str
    repeat: int
    outcome: OutcomeKind
    scores: dict[str, float]
    answer: Json = None
    cost_nano_usd: int | None = None
    latency_ms: float | None = None
    call_id: str = ""
    error: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """All of it. The first deployment is what the others are compared with."""

    id: str
    task: str
    made_at: float
    dataset: Dataset
    deployments: tuple[str, ...]
    scorer: str
    scorers: tuple[str, ...]
    repeats: int
    observations: tuple[Observation, ...]
    stopped: str = ""
