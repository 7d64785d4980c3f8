"""The ledger: what was asked, answered and paid, durable before it is acknowledged."""

from aihandler.ledger.answered import AnsweredCall
from aihandler.ledger.calls import CallRecord, EntryRecord
from aihandler.ledger.changes import ChangeRecord
from aihandler.ledger.comparisons import ComparedDeployment, ComparisonRecord
from aihandler.ledger.costs import CostRow, Counterfactual, UnitCost, Window
from aihandler.ledger.evidence import LatencyPoint, ValidRate
from aihandler.ledger.forgetting import Forgotten
from aihandler.ledger.hits import CachedCalls, CachedRecord
from aihandler.ledger.journal import DocumentRow, SqliteJournal, StepRow
from aihandler.ledger.ledger import Archive, Ledger, bring_up_to_date, open_ledger, read_ledger
from aihandler.ledger.prices import Prices
from aihandler.ledger.queries import Queries, RunRecord
from aihandler.ledger.recovery import Recovery
from aihandler.ledger.reviews import LabelledExample
from aihandler.ledger.rollups import DayOfUsage, MonthOfUsage
from aihandler.ledger.spooled import FoldedLedger, SpooledLedger
from aihandler.ledger.store import Watch

__all__ = [
    "AnsweredCall",
    "Archive",
    "CachedCalls",
    "CachedRecord",
    "CallRecord",
    "ChangeRecord",
    "ComparedDeployment",
    "ComparisonRecord",
    "CostRow",
    "Counterfactual",
    "DayOfUsage",
    "DocumentRow",
    "EntryRecord",
    "FoldedLedger",
    "Forgotten",
    "LabelledExample",
    "LatencyPoint",
    "Ledger",
    "MonthOfUsage",
    "Prices",
    "Queries",
    "Recovery",
    "RunRecord",
    "SpooledLedger",
    "SqliteJournal",
    "StepRow",
    "UnitCost",
    "ValidRate",
    "Watch",
    "Window",
    "bring_up_to_date",
    "open_ledger",
    "read_ledger",
]
