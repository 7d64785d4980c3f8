"""Clear, route, attempt, validate, record: in that order, and nothing else."""

from aihandler.engine.affording import Affording
from aihandler.engine.attempt import Attempts
from aihandler.engine.call import Call
from aihandler.engine.contexts import NoContextHolds
from aihandler.engine.engine import Engine
from aihandler.engine.inspecting import Inspection, NotInspected
from aihandler.engine.planning import Planner
from aihandler.engine.slots import Slots
from aihandler.engine.spending import Spending

__all__ = [
    "Affording",
    "Attempts",
    "Call",
    "Engine",
    "Inspection",
    "NoContextHolds",
    "NotInspected",
    "Planner",
    "Slots",
    "Spending",
]
