"""Whether what a key may ask is there: a right that nothing has would be found out much later."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aihandler.domain.api_key import ROUTES, ApiKey
from aihandler.errors import InputError

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


def require_known(key: ApiKey, configuration: "Configuration") -> None:
    """Raises InputError for a task, deployment or route that the gateway does not have."""
    plain = tuple(f"model/{name}" for name in configuration.deployments)
    tasks = (*configuration.tasks, *plain)
    for name in key.tasks or ():
        if name not in tasks:
            raise _no_task(name, configuration, tasks)
    for name in key.deployments or ():
        if name not in configuration.deployments:
            raise _unknown("deployment", name, tuple(configuration.deployments))
    for name in key.routes or ():
        if name not in ROUTES:
            raise _unknown("route", name, ROUTES)


def _no_task(name: str, configuration: "Configuration", tasks: Sequence[str]) -> InputError:
    # Clients may say an alias, but what they ask then is what it stands for.
    meant = configuration.aliases.get(name, name)
    right = f"model/{meant}" if meant in configuration.deployments else meant
    if right == name or right not in tasks:
        return _unknown("task", name, tasks)
    kind = "an alias" if name in configuration.aliases else "a deployment"
    return InputError(f"{name!r} is {kind} and no task (at --task)", hint=f"say --task {right}")


def _unknown(kind: str, name: str, known: Sequence[str]) -> InputError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(
        f"there is no {kind} {name!r}{meant} (at --{kind})",
        hint=f"there is {', '.join(map(repr, known))}" if known else "the configuration has none",
    )
