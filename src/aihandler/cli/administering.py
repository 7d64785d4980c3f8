"""What the commands share that administer a gateway: the store, the pepper, who is asking."""

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aihandler.errors import StorageError

if TYPE_CHECKING:
    from aihandler.ledger.administration import Administration


def administration(config: Path, *, make: bool = False) -> "Administration":
    """The store of a configuration; `make` makes the ledger if there is none."""
    from aihandler.config import load
    from aihandler.ledger import open_ledger
    from aihandler.ledger.administration import Administration
    from aihandler.surroundings import SystemClock, encryption_key, ledger_path

    configuration, clock = load(config), SystemClock()
    path = ledger_path(configuration)
    if not path.exists():
        if not make:
            raise StorageError(f"there is no ledger at {path}", hint="make a first key, or run")
        key = encryption_key(configuration, os.environ)
        open_ledger(path, clock=clock, encryption_key=key).close()
    return Administration(path, clock=clock, who=_who())


def pepper_for(config: Path) -> bytes:
    """The pepper of a configuration's keys; made if there is none."""
    from aihandler.config import load
    from aihandler.gateway.pepper import make_pepper
    from aihandler.surroundings import ledger_path

    return make_pepper(ledger_path(load(config)), os.environ)


def _who() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):
        return "command line"
