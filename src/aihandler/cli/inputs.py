"""What commands read from files: one document for a task, labels for a run."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json, Task
from aihandler.errors import InputError
from aihandler.workflow.readers import Unreadable, find_files, read_documents


class _Label(msgspec.Struct):
    id: str
    expected: dict[str, Json]


def fields_for(task: Task, source: Path | None) -> tuple[dict[str, str], DataClass | None]:
    """The task's fields out of the first document of `source`, and the class that it states."""
    if source is None:
        return dict.fromkeys(task.fields, ""), None
    document = next(read_documents(find_files([source])))
    if isinstance(document, Unreadable):
        raise InputError(f"{document.id}: {document.reason}", hint="give a file that can be read")
    return {name: document.fields.get(name, "") for name in task.fields}, document.data_class


def read_labels(path: Path) -> Mapping[str, Mapping[str, Json]]:
    """Right answers by document id and step, from JSON Lines of `{"id", "expected"}`."""
    labels: dict[str, Mapping[str, Json]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label = msgspec.json.decode(line, type=_Label)
        except msgspec.MsgspecError as error:
            raise InputError(
                f"{path}:{number}: {error}",
                hint='a label is a line of {"id": "...", "expected": {"step": value}}',
            ) from error
        labels[label.id] = label.expected
    return labels
