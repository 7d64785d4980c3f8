"""What stands in a spool: the operations of the ledger, one record each."""

from collections.abc import Callable

import msgspec

from aihandler.domain.kept import CacheHit
from aihandler.domain.ports import Accepted, Intent, ReviewItem, Settlement


class Began(msgspec.Struct, frozen=True, tag=1, array_like=True, gc=False):
    """An intent, with the id that it was given."""

    entry_id: int
    intent: Intent


class Sent(msgspec.Struct, frozen=True, tag=2, array_like=True, gc=False):
    """Bytes of this attempt have gone out."""

    entry_id: int


class Settled(msgspec.Struct, frozen=True, tag=3, array_like=True, gc=False):
    """A settlement of an entry."""

    entry_id: int
    settlement: Settlement


class Done(msgspec.Struct, frozen=True, tag=4, array_like=True, gc=False):
    """A piece of work that is accepted."""

    accepted: Accepted


class Queued(msgspec.Struct, frozen=True, tag=5, array_like=True, gc=False):
    """A piece of work for a person."""

    item: ReviewItem


class Cleared(msgspec.Struct, frozen=True, tag=6, array_like=True, gc=False):
    """What a clearance allowed."""

    fingerprint: str
    data_class: str
    deployments: tuple[str, ...]


class Told(msgspec.Struct, frozen=True, tag=7, array_like=True, gc=False):
    """A call that was answered from the cache."""

    hit: CacheHit


Record = Began | Sent | Settled | Done | Queued | Cleared | Told

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


# A record as bytes.
pack: Callable[[Record], bytes] = _encoder.encode


def unpack(payload: bytes) -> Record:
    """The record of these bytes. Raises msgspec.DecodeError for those of another version."""
    record: Record = _decoder.decode(payload)
    return record
