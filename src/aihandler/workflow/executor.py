"""Runs a workflow over documents: bounded concurrency, flat memory, each step done once."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator

import msgspec

from aihandler.domain.answer import DocumentResult
from aihandler.domain.document import Document
from aihandler.domain.task import Workflow
from aihandler.errors import AIHandlerError
from aihandler.workflow.readers import Unreadable
from aihandler.workflow.steps import Steps

# Finished documents that wait to be taken; a slow consumer slows the asking down.
_WAITING = 256


class Ended(msgspec.Struct, frozen=True):
    """One document that is through, in the order of ending; `number` is its place in the input."""

    number: int
    result: DocumentResult
    unreadable: bool = False


class Executor:
    """Walks documents through the steps of one workflow."""

    def __init__(self, workflow: Workflow, steps: Steps, *, concurrency: int | None = None) -> None:
        self._workflow = workflow
        self._steps = steps
        self._concurrency = concurrency or workflow.concurrency

    async def run(self, documents: Iterable[Document | Unreadable]) -> AsyncGenerator[Ended]:
        """Yields every document once, as it ends.

        Raises StorageError when nothing more can be recorded; what was yielded is safe. Closing
        the iterator early stops the run: attempts in the air are settled, nothing is lost.
        """
        ended: asyncio.Queue[Ended | None] = asyncio.Queue(_WAITING)
        crew = asyncio.create_task(self._crew(enumerate(documents), ended))
        try:
            while (document := await ended.get()) is not None:
                yield document
            await crew
        except BaseExceptionGroup as group:
            raise _first_of_ours(group) from group
        finally:
            crew.cancel()
            await asyncio.gather(crew, return_exceptions=True)

    async def _crew(
        self,
        documents: Iterator[tuple[int, Document | Unreadable]],
        ended: asyncio.Queue[Ended | None],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work(documents, ended))
        except BaseException:
            # Nobody may be there to take what is queued: make room for the end mark.
            while not ended.empty():
                ended.get_nowait()
            ended.put_nowait(None)
            raise
        await ended.put(None)

    async def _work(
        self,
        documents: Iterator[tuple[int, Document | Unreadable]],
        ended: asyncio.Queue[Ended | None],
    ) -> None:
        for number, document in documents:
            await ended.put(await self._one(number, document))

    async def _one(self, number: int, document: Document | Unreadable) -> Ended:
        if isinstance(document, Unreadable):
            return Ended(number, await self._steps.unreadable(number, document), unreadable=True)
        return Ended(number, await self._steps.walk(number, document))


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves = _leaves(group)
    return next((e for e in leaves if isinstance(e, AIHandlerError)), leaves[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
