"""Is this reply an answer? Extraction, safe repair, schema, grounding, arithmetic, re-ask."""

from aihandler.validation.reask import reask
from aihandler.validation.typed import to_python
from aihandler.validation.validator import Validator
from aihandler.validation.verdict import Problem, Verdict

__all__ = ["Problem", "Validator", "Verdict", "reask", "to_python"]
