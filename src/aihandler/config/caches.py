"""What tasks that keep answers and the ledger must agree on."""

from collections.abc import Mapping

from aihandler.config.configuration import LedgerSettings
from aihandler.config.draft import Draft
from aihandler.config.places import Path
from aihandler.domain.task import Task

_DAY_S = 86_400


def check_caches(tasks: Mapping[str, Task], ledger: LedgerSettings, draft: Draft) -> None:
    """Notes every task that would keep answers which must not be kept, or not for so long."""
    for name, task in tasks.items():
        if task.cache is None:
            continue
        path: Path = ("tasks", name, "cache")
        days = ledger.retention_days
        if not ledger.keep_content:
            hint = f"leave `tasks.{name}.cache` out, or say `ledger: {{content: true}}`"
            draft.wrong(path, "no answers are kept: `ledger.content` is false", hint=hint)
        elif days is not None and task.cache.ttl_s > days * _DAY_S:
            draft.wrong(
                (*path, "ttl_s"),
                f"texts are forgotten after {days} days, and this is longer",
                hint=f"ttl_s: {days * _DAY_S} at most, or raise ledger.retention_days",
            )
