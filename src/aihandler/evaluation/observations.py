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


def without_restricted(comparison: Comparison) -> Comparison:
    """The same without texts and answers of restricted items, for files that others may read."""
    hidden = {i.id for i in comparison.dataset.items if i.data_class is DataClass.RESTRICTED}
    if not hidden:
        return comparison
    items = tuple(
        msgspec.structs.replace(item, fields={}, expected=None) if item.id in hidden else item
        for item in comparison.dataset.items
    )
    seen = tuple(
        msgspec.structs.replace(one, answer=None) if one.item in hidden else one
        for one in comparison.observations
    )
    dataset = msgspec.structs.replace(comparison.dataset, items=items)
    return msgspec.structs.replace(comparison, dataset=dataset, observations=seen)
