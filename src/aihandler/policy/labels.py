"""Which class a request has, and whether who asks may ask it."""

from collections.abc import Sequence

import msgspec

from aihandler.domain.labels import ClassSource, DataClass, Labels, label
from aihandler.domain.rules import Key
from aihandler.domain.task import Task
from aihandler.errors import PolicyDenied

__all__ = ["check_key", "labels_for", "raised", "task_sources"]


def labels_for(
    task: Task,
    *,
    document_class: DataClass | None,
    key: Key | None = None,
    reads: Sequence[ClassSource] = (),
    tenant: str = "",
) -> Labels:
    """Gives a request the highest class of document, key, task, examples and all that it reads.

    `document_class` of None means unlabelled, which counts as internal. `reads` are the results
    of earlier steps and the corrections that became examples. A key's tenant comes before `tenant`.

    Raises:
        PolicyDenied: the class is above what `key` may ask for.
    """
    sources = [_document_source(document_class)]
    if key is not None:
        sources.append(ClassSource(f"key {key.name}", key.floor))
    labels = label(
        (*sources, *task_sources(task), *reads),
        tenant=(key.tenant if key is not None else "") or tenant,
    )
    check_key(key, labels)
    return labels if key is None else msgspec.structs.replace(labels, ceiling=key.ceiling)


def raised(labels: Labels, source: ClassSource) -> Labels:
    """The labels of a request in which more was found than they say.

    Raises:
        PolicyDenied: `source` would lower the class, or who asks may not ask for the higher one.
    """
    if source.data_class < labels.data_class:
        raise PolicyDenied(
            f"{source.what} would lower this request from {labels.data_class.value} to "
            f"{source.data_class.value}",
            hint="what looks at a request may raise its class, never lower it",
        )
    if source.data_class > labels.ceiling:
        raise PolicyDenied(
            f"{source.what} found {source.data_class.value} data, and who asks may ask for data "
            f"up to {labels.ceiling.value}",
            hint=f"use a key whose ceiling is {source.data_class.value}, or leave the data out",
        )
    sources = (*labels.sources, source)
    return msgspec.structs.replace(labels, data_class=source.data_class, sources=sources)


def check_key(key: Key | None, labels: Labels) -> None:
    """Raises PolicyDenied when the request is above the ceiling of who asks."""
    if key is None or labels.data_class <= key.ceiling:
        return
    highest = [s.what for s in labels.sources if s.data_class == labels.data_class]
    because = f" ({', '.join(highest)})" if highest else ""
    raise PolicyDenied(
        f"key {key.name!r} may ask for data up to {key.ceiling.value}; "
        f"this request is {labels.data_class.value}{because}",
        hint=f"use a key whose ceiling is {labels.data_class.value}: the configuration says it at "
        f"`keys.{key.name}.ceiling`, `aihandler keys create NAME --ceiling "
        f"{labels.data_class.value}` makes one for a gateway",
    )


def task_sources(task: Task) -> tuple[ClassSource, ...]:
    """What every request of a task reads beside its input: the task itself and its examples.

    Examples count as soon as there are any: models of this process are trained on them, others
    see them as shots, and either way the answer is made from them.
    """
    own = ClassSource("task", task.data_class)
    if not (task.shots or task.examples.rows or task.examples.source):
        return (own,)
    return (own, ClassSource("examples", task.examples.data_class))


def _document_source(data_class: DataClass | None) -> ClassSource:
    if data_class is None:
        return ClassSource("document (unlabelled)", DataClass.INTERNAL)
    return ClassSource("document", data_class)
