"""What the supervisor tells a worker, and how the worker says that it takes requests."""

import signal

import msgspec

READY = b"ready\n"
# Others serve in its place: a worker ends when its calls do, however long that takes.
RETIRE = signal.SIGUSR1
# Who is cut off at an end settles what it has and writes its error: a moment, tried twice. A client
# that reads nothing would hold the worker for ever.
TOLD_WITHIN_S = 1.0
# How often a worker looks for what has changed: a kill works within 1.5 s, whatever else runs.
LOOK_EVERY_S = 1.0


class Orders(msgspec.Struct, frozen=True):
    """What the supervisor tells a worker: one line of JSON on its standard input."""

    # Descriptors that the worker inherits: the listening socket, and a pipe to say `ready` on.
    listening: int
    ready: int = -1
    # A snapshot, see snapshots.py.
    configuration: str = ""
    spool: str = ""
    first_id: int = 0
    drain_s: float = 30.0
    insecure: bool = False
    # Shared memory: rates, what all workers know together, what they count; and this worker's
    # region of each.
    windows: str = ""
    board: str = ""
    tallies: str = ""
    slot: int = 0
