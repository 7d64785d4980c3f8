"""Is this reply an answer? Extraction, safe repair, schema, grounding, arithmetic, re-ask."""

from aihandler.validation.partial import PartialJson
from aihandler.validation.reask import reask
from aihandler.validation.tool_calls import ToolJudge, reask_calls
from aihandler.validation.typed import to_python
from aihandler.validation.validator import Validator
from aihandler.validation.vectors import judge_vectors
from aihandler.validation.verdict import Problem, Verdict, rejected

__all__ = [
    "PartialJson",
    "Problem",
    "ToolJudge",
    "Validator",
    "Verdict",
    "judge_vectors",
    "reask",
    "reask_calls",
    "rejected",
    "to_python",
]
