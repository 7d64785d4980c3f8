"""From the schema that a task means to the schema that a server accepts, and back."""

from aihandler.validation.downlevel.lower import downlevel
from aihandler.validation.downlevel.record import MAX_PARTS
from aihandler.validation.downlevel.result import (
    Downlevelled,
    Dropped,
    PassedOver,
    Renamed,
)
from aihandler.validation.downlevel.subsets import Subset, load_subsets

__all__ = [
    "MAX_PARTS",
    "Downlevelled",
    "Dropped",
    "PassedOver",
    "Renamed",
    "Subset",
    "downlevel",
    "load_subsets",
]
