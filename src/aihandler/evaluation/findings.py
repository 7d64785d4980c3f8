"""What a comparison shows: each deployment, each against the first, and where they differ."""

from collections.abc import Iterator

import msgspec

from aihandler.evaluation.cells import Cells, answer_of, cells, clusters_of, score_of
from aihandler.evaluation.measured import DeploymentFindings, Rate, TagFindings, measured
from aihandler.evaluation.observations import Comparison
from aihandler.evaluation.pairs import PairFindings, Verdict, adjusted, compared

__all__ = [
    "DeploymentFindings",
    "Disagreement",
    "Findings",
    "PairFindings",
    "Rate",
    "TagFindings",
    "Verdict",
    "findings",
]


class Disagreement(msgspec.Struct, frozen=True):
    """An item on which deployments answer or score differently: its mean score at each."""

    item: str
    scores: dict[str, float]


class Findings(msgspec.Struct, frozen=True):
    """All of it, without any content of an item: fit for a ledger.

    `items` are those of the data, `whole` those that every deployment was asked.
    """

    comparison: str
    task: str
    dataset: str
    dataset_digest: str
    scorer: str
    margin: float
    repeats: int
    items: int
    whole: int
    clusters: int
    deployments: tuple[DeploymentFindings, ...]
    pairs: tuple[PairFindings, ...]
    disagreements: tuple[Disagreement, ...]
    stopped: str = ""

    def deployment(self, name: str) -> DeploymentFindings | None:
        """What was found of one deployment; None: it was not compared."""
        return next((d for d in self.deployments if d.deployment == name), None)

    def pair(self, name: str) -> PairFindings | None:
        """A deployment against the first; None for the first itself."""
        return next((p for p in self.pairs if p.deployment == name), None)


def findings(comparison: Comparison, *, margin: float = 0.02, seed: int = 0) -> Findings:
    """Turns observations into claims that hold at their stated level.

    `margin` is what "not worse" forgives, a share of 1. Of all claims about the deployments of
    one comparison, one or more is false in at most 5 % of comparisons for each kind of claim
    (Holm). `seed` draws the intervals of costs.
    """
    if not 0 < margin < 1:
        raise ValueError(f"the margin is {margin!r}: it must be between 0 and 1")
    table = cells(comparison)
    first, *others = comparison.deployments
    pairs = [
        compared(comparison, (first, name), table[first], table[name], margin=margin)
        for name in others
    ]
    items = comparison.dataset.items
    return Findings(
        comparison=comparison.id,
        task=comparison.task,
        dataset=comparison.dataset.name,
        dataset_digest=comparison.dataset.digest,
        scorer=comparison.scorer,
        margin=margin,
        repeats=comparison.repeats,
        items=len(items),
        whole=sum(all(item.id in rows for rows in table.values()) for item in items),
        clusters=len(set(clusters_of(comparison).values())),
        deployments=tuple(
            measured(
                comparison, name, rows, first=None if name == first else table[first], seed=seed
            )
            for name, rows in table.items()
        ),
        pairs=adjusted(pairs),
        disagreements=tuple(_disagreements(comparison, table)),
        stopped=comparison.stopped,
    )


def _disagreements(comparison: Comparison, table: dict[str, Cells]) -> Iterator[Disagreement]:
    for item in comparison.dataset.items:
        rows = {name: cell[item.id] for name, cell in table.items() if item.id in cell}
        scores = {name: score_of(row, comparison.scorer) for name, row in rows.items()}
        answers = {answer_of(one) for row in rows.values() for one in row}
        if len(set(scores.values())) > 1 or len(answers) > 1:
            yield Disagreement(item.id, scores)
