"""`inspect`: what is in a request? Asked once, before it is decided where it may go."""

import asyncio
from collections.abc import Iterable

import msgspec

from aihandler.domain.inspection import Finding, Inspected, Material
from aihandler.domain.labels import ClassSource, Labels
from aihandler.domain.ports import Inspector
from aihandler.engine.call import Call
from aihandler.engine.material import material
from aihandler.errors import PolicyDenied, Refused
from aihandler.policy import raised


class NotInspected(Refused):
    """Something looks at every request, and could not look at this one."""

    code = "not_inspected"
    http_status = 503


class Inspection:
    """Asks inspectors one after the other; each sees what those before it have raised."""

    def __init__(self, inspectors: Iterable[Inspector]) -> None:
        self._inspectors = tuple(inspectors)

    async def of(self, call: Call) -> Call:
        """The call with the labels that its content asks for, and with who looked.

        Raises:
            PolicyDenied: an inspector refuses it, or raises it above what its asker may ask for.
            NotInspected: an inspector failed, or took longer than the whole call may.
        """
        shown = material(call)
        labels, inspections = call.labels, list(call.inspections)
        for inspector in self._inspectors:
            shown = msgspec.structs.replace(shown, labels=labels)
            finding = await _asked(inspector, shown, within_s=call.task.limits.total_s)
            after = _followed(inspector, finding, labels)
            raised_to = after.data_class if after is not labels else None
            inspections.append(
                Inspected(inspector.name, inspector.version, raised_to, finding.rules)
            )
            labels = after
        return msgspec.structs.replace(call, labels=labels, inspections=tuple(inspections))


async def _asked(inspector: Inspector, shown: Material, *, within_s: float) -> Finding:
    try:
        async with asyncio.timeout(within_s):
            finding = await inspector.inspect(shown)
    except Exception as error:
        # Its own words may quote what it looked at: only the kind of the error is told.
        raise _failed(inspector, f"raised {type(error).__name__}") from error
    if not isinstance(finding, Finding):
        raise _failed(inspector, f"said {type(finding).__name__!r}, which is no Finding")
    return finding


def _followed(inspector: Inspector, finding: Finding, labels: Labels) -> Labels:
    what = f"inspector {inspector.name!r}"
    if finding.refused:
        raise PolicyDenied(
            f"{what} refuses this request: {finding.refused}",
            hint="leave out what it names, or ask who runs it",
        )
    if finding.data_class is None or finding.data_class == labels.data_class:
        return labels
    return raised(labels, ClassSource(what, finding.data_class))


def _failed(inspector: Inspector, why: str) -> NotInspected:
    return NotInspected(
        f"inspector {inspector.name!r} {why}, and what is not inspected goes nowhere",
        hint="mend the inspector, or ask again when it is back",
    )
