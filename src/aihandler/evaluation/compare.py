"""Runs a comparison: every item through every deployment, in one ledger, within one budget."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from aihandler.asking import Asked, Asker, Heard
from aihandler.domain.keys import digest_text
from aihandler.domain.usage import NANO
from aihandler.errors import AIHandlerError, InputError, Refused
from aihandler.evaluation.admission import check_admission
from aihandler.evaluation.observations import Comparison, Dataset, Item, Observation
from aihandler.evaluation.purse import Purse
from aihandler.evaluation.scorers import Case, Scorer, scorers_of

if TYPE_CHECKING:
    from aihandler.handler import Handler

CONCURRENCY = 8


class Order(msgspec.Struct, frozen=True):
    """What is to be compared. The first deployment is what the others are held against.

    `salt` makes a comparison ask anew what an earlier one has asked.
    """

    task: str
    deployments: tuple[str, ...]
    dataset: Dataset
    scorers: tuple[str, ...] = ()
    repeats: int = 1
    budget_nano: int | None = None
    concurrency: int = CONCURRENCY
    salt: str = ""


class Seen(msgspec.Struct, frozen=True):
    """One observation, and what this run paid for it; `before`: an earlier run has paid."""

    observation: Observation
    bill_nano: int = 0
    before: bool = False


class Comparing:
    """One comparison under way: take `observations()`, then `comparison()`.

    Stopped in the middle, the same order goes on from there: what was heard is in the ledger.
    """

    def __init__(self, handler: "Handler", order: Order) -> None:
        self.order = order
        self.total = len(order.dataset.items) * len(order.deployments) * order.repeats
        # Why it ended early; empty when it did not.
        self.stopped = ""
        self.id = comparison_id(handler, order)
        self._handler = handler
        self._observations: list[Observation] = []
        self._scorers: tuple[Scorer, ...] = ()

    async def observations(self) -> AsyncGenerator[Seen]:
        """Each observation as it comes.

        Raises PolicyDenied before anything is sent when an item may not go to a deployment,
        InputError for what cannot be scored or held to a budget.
        """
        check_admission(self._handler, self.order)
        asker = await self._handler.asker()
        self._scorers = self._made_scorers(asker)
        purse = Purse(self.order.budget_nano)
        _check_prices(asker, self.order)
        async with aclosing(self._all(asker, purse)) as seen:
            async for one in seen:
                self._observations.append(one.observation)
                yield one

    def comparison(self) -> Comparison:
        """All that was seen, in the order of the data."""
        order = self.order
        places = {item.id: place for place, item in enumerate(order.dataset.items)}
        return Comparison(
            id=self.id,
            task=order.task,
            made_at=self._handler.clock.wall(),
            dataset=order.dataset,
            deployments=order.deployments,
            scorer=self._scorers[0].name if self._scorers else "",
            scorers=tuple(scorer.name for scorer in self._scorers),
            repeats=order.repeats,
            observations=tuple(
                sorted(
                    self._observations,
                    key=lambda o: (places[o.item], o.repeat, order.deployments.index(o.deployment)),
                )
            ),
            stopped=self.stopped,
        )

    def _made_scorers(self, asker: Asker) -> tuple[Scorer, ...]:
        task = self._handler.task(self.order.task)
        root = self._handler.configuration.root
        made = scorers_of(self.order.scorers, task, judges=asker.wording.validator, root=str(root))
        lacking = sum(item.expected is None for item in self.order.dataset.items)
        for scorer in made:
            if lacking and scorer.needs_expected:
                raise InputError(
                    f"{lacking} of {len(self.order.dataset.items)} items have no expected answer, "
                    f"which scorer {scorer.name!r} compares with",
                    hint="add `expected` to them, or score with `valid`, `grounded` or `regex:...`",
                )
        return made

    async def _all(self, asker: Asker, purse: Purse) -> AsyncGenerator[Seen]:
        ended: asyncio.Queue[Seen | None] = asyncio.Queue(self.order.concurrency)
        crew = asyncio.create_task(self._crew(asker, purse, ended))
        try:
            while (one := await ended.get()) is not None:
                yield one
            await crew
        except BaseExceptionGroup as group:
            raise _first_of_ours(group) from group
        finally:
            crew.cancel()
            await asyncio.gather(crew, return_exceptions=True)

    async def _crew(self, asker: Asker, purse: Purse, ended: "asyncio.Queue[Seen | None]") -> None:
        work = _interleaved(self.order)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.order.concurrency):
                    group.create_task(self._work(work, asker, purse, ended))
        except BaseException:
            # Nobody may be there to take what is queued: make room for the end mark.
            while not ended.empty():
                ended.get_nowait()
            ended.put_nowait(None)
            raise
        await ended.put(None)

    async def _work(
        self,
        work: "Iterator[_Piece]",
        asker: Asker,
        purse: Purse,
        ended: "asyncio.Queue[Seen | None]",
    ) -> None:
        for piece in work:
            seen = None if self.stopped else await self._one(piece, asker, purse)
            if seen is None:
                return
            await ended.put(seen)

    async def _one(self, piece: "_Piece", asker: Asker, purse: Purse) -> Seen | None:
        asked = self._asked(piece)
        held = 0
        if purse.limit_nano is not None and not asker.was_heard(asked):
            held = asker.most_nano(asked) or 0
            if not await purse.hold(held):
                self._stop(_spent(purse, held))
                return None
            if self.stopped:
                # While it waited for money, another one was told to stop.
                await purse.settle(held, 0)
                return None
        spent = held
        try:
            heard = await asker.ask(asked)
            # What is in doubt may have been billed.
            spent = held if heard.doubts else (0 if heard.before else heard.bill_nano)
        except Refused as error:
            # A budget or a switch of somebody else: what was seen so far stands.
            spent = 0
            self._stop(error.message)
            return None
        finally:
            await purse.settle(held, spent)
        return Seen(self._observed(piece, heard), 0 if heard.before else spent, heard.before)

    def _stop(self, why: str) -> None:
        self.stopped = self.stopped or why

    def _asked(self, piece: "_Piece") -> Asked:
        return Asked(
            self.order.task,
            piece.deployment,
            dict(piece.item.fields),
            piece.item.data_class,
            document_id=piece.item.id,
            sample=piece.repeat,
            salt=self.order.salt,
            tags={"comparison": self.id},
        )

    def _observed(self, piece: "_Piece", heard: Heard) -> Observation:
        case = Case(piece.item, heard.outcome, heard.value, heard.cost_nano, heard.latency_ms)
        return Observation(
            piece.item.id,
            piece.deployment,
            piece.repeat,
            heard.outcome,
            {scorer.name: scorer(case) for scorer in self._scorers},
            answer=heard.value,
            cost_nano_usd=heard.cost_nano,
            latency_ms=heard.latency_ms,
            call_id=heard.call_id,
            error=heard.error,
        )


def comparison_id(handler: "Handler", order: Order) -> str:
    """Names a comparison by what is compared: the same order has the same id."""
    known = handler.configuration.deployments
    identities = [known[name].identity for name in order.deployments if name in known]
    version = handler.task(order.task).version
    return digest_text(
        "comparison", order.task, version, order.dataset.digest, identities,
        order.scorers, order.repeats, order.salt,
    )[:12]  # fmt: skip


class _Piece(msgspec.Struct, frozen=True):
    item: Item
    deployment: str
    repeat: int


def _interleaved(order: Order) -> Iterator[_Piece]:
    """Item by item, so that what changes in the meantime meets all deployments alike."""
    names = order.deployments
    for repeat in range(order.repeats):
        for place, item in enumerate(order.dataset.items):
            # Not always the same one first: a cold cache or a busy hour would be its alone.
            first = (place + repeat) % len(names)
            for name in (*names[first:], *names[:first]):
                yield _Piece(item, name, repeat)


def _check_prices(asker: Asker, order: Order) -> None:
    """Money can be held only where it is known how much an answer may cost at most."""
    if order.budget_nano is None:
        return
    item = order.dataset.items[0]
    for name in order.deployments:
        asked = Asked(order.task, name, dict(item.fields), item.data_class)
        if asker.most_nano(asked) is None:
            raise InputError(
                f"what deployment {name!r} may cost at most is not known, so no budget can be kept",
                hint=f"give it a price, and set `max_output_tokens` in tasks.{order.task}",
            )


def _spent(purse: Purse, next_nano: int) -> str:
    assert purse.limit_nano is not None
    return (
        f"the budget of ${purse.limit_nano / NANO:g} is used up: ${purse.spent_nano / NANO:.6g} "
        f"spent, and the next answer may cost up to ${next_nano / NANO:.6g}"
    )


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves: Sequence[BaseException] = list(_leaves(group))
    return next((error for error in leaves if isinstance(error, AIHandlerError)), leaves[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
