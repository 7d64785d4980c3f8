"""Spreads the work of one deployment over its equal replicas."""

from aihandler.domain.deployment import Deployment


class Replicas:
    """Counts the work in flight at each replica and gives the next to the least busy one."""

    def __init__(self) -> None:
        self._busy: dict[str, list[int]] = {}

    def begin(self, deployment: Deployment) -> int:
        """The index of the url to use; `end` must follow."""
        if len(deployment.urls) < 2:
            return 0
        busy = self._busy.setdefault(deployment.name, [])
        busy.extend([0] * (len(deployment.urls) - len(busy)))
        chosen = min(range(len(deployment.urls)), key=busy.__getitem__)
        busy[chosen] += 1
        return chosen

    def end(self, deployment: Deployment, replica: int) -> None:
        """The work that `begin` placed there is over."""
        if len(deployment.urls) > 1:
            self._busy[deployment.name][replica] -= 1
