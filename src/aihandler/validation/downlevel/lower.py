"""The schema that a task means, as a server can be told it."""

from collections.abc import Mapping
from typing import Any

from aihandler.domain.task import Json
from aihandler.validation.downlevel.admitted import objection
from aihandler.validation.downlevel.marks import settled
from aihandler.validation.downlevel.pointers import plain
from aihandler.validation.downlevel.record import MAX_PARTS
from aihandler.validation.downlevel.refusal import NotSayable
from aihandler.validation.downlevel.result import Downlevelled, PassedOver
from aihandler.validation.downlevel.rewrite import Rewriter
from aihandler.validation.downlevel.subsets import Enforced, Subset
from aihandler.validation.schema import Schema


def downlevel(
    schema: Mapping[str, Json] | bool, subset: Subset, *, most: int = MAX_PARTS
) -> Downlevelled | PassedOver:
    """The schema in the words of a subset, or why it cannot be said in them.

    What is sent never admits less than one way to say the answer, and forbids only what the
    task's schema leaves open. The answer is undone, then judged by the task's schema in full.
    With more than `most` parts it cannot be said. Raises ConfigError for what is no JSON Schema.
    """
    Schema(schema)
    try:
        whole = plain(schema)
        if subset.everything:
            return Downlevelled(whole, subset.enforces)
        return _lowered(Rewriter(whole, subset, most=most))
    except NotSayable as error:
        return PassedOver(f"{subset.name}: {error}")
    except RecursionError:
        return PassedOver(f"{subset.name}: the schema is nested too deeply")


def _lowered(rewriter: Rewriter) -> Downlevelled | PassedOver:
    subset = rewriter.subset
    found = rewriter.root()
    wrapper = ""
    if subset.root_object and (found.get("type") != "object" or "anyOf" in found):
        wrapper = "answer"
        found = _wrapped(found, wrapper)
    if rewriter.definitions:
        found = {**found, "$defs": rewriter.definitions}
    sent, changes = settled(found, wrapper)
    reason = objection(sent, subset)
    if reason:
        return PassedOver(f"{subset.name}: {reason}")
    record = rewriter.record
    enforced: Enforced = subset.enforces
    if enforced == "full" and record.dropped:
        enforced = "partial"
    return Downlevelled(sent, enforced, record.dropped, record.renamed, changes)


def _wrapped(found: dict[str, Any], key: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: found},
        "required": [key],
        "additionalProperties": False,
    }
