"""Each contradiction once, with the tasks that it touches, in words."""

from collections.abc import Sequence

import msgspec

from aihandler.advisor.frameworks.contradictions import Contradiction


class Told(msgspec.Struct, frozen=True):
    """`said` is what holds for all of `tasks`; `by_task` what the facts of each put before it."""

    id: str
    between: tuple[str, ...]
    said: str
    tasks: tuple[str, ...]
    by_task: tuple[tuple[str, str], ...] = ()
    everyone: bool = False

    @property
    def told(self) -> str:
        """In one sentence."""
        before = "; ".join(f"{task} {head}" for task, head in self.by_task)
        of = "" if self.everyone or before else f" [{', '.join(self.tasks)}]"
        return f"{before}: {self.said}" if before else f"{self.said}{of}"


def contradicting(
    found: Sequence[tuple[str, Contradiction]], tasks: Sequence[str]
) -> tuple[Told, ...]:
    """`found` are pairs of task and contradiction; `tasks` are all there are."""
    groups: dict[tuple[str, str], list[tuple[str, str, Contradiction]]] = {}
    for task, one in found:
        # What stands before the colon is the number of the task; what follows is of the sources.
        head, colon, rest = one.says.partition(": ")
        key = (one.id, rest if colon else head)
        groups.setdefault(key, []).append((task, head if colon else "", one))
    return tuple(_told(rest, members, tasks) for (_, rest), members in groups.items())


def _told(rest: str, members: list[tuple[str, str, Contradiction]], tasks: Sequence[str]) -> Told:
    named = tuple(task for task, _, _ in members)
    heads = {head for _, head, _ in members}
    one = members[0][2]
    everyone = len(named) == len(tasks)
    if len(heads) == 1:
        return Told(one.id, one.between, one.says, named, everyone=everyone)
    by_task = tuple((task, head) for task, head, _ in members)
    return Told(one.id, one.between, rest, named, by_task, everyone)
