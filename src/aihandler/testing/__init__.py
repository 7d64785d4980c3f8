"""Fakes for tests, ours and those of our users: servers, callers, clocks, journals, faults."""

from aihandler.testing import troubles
from aihandler.testing.conversations import differences
from aihandler.testing.fake_caller import FakeCaller, allow
from aihandler.testing.fake_clock import FakeClock
from aihandler.testing.fake_server import FakeServer
from aihandler.testing.fault_proxy import FaultProxy, Passing
from aihandler.testing.memory_journal import JournalEntry, MemoryJournal
from aihandler.testing.script import Scripted, vector_for
from aihandler.testing.spawned import SpawnedServer, read_bill, spawn_server
from aihandler.testing.troubles import Trouble

__all__ = [
    "FakeCaller",
    "FakeClock",
    "FakeServer",
    "FaultProxy",
    "JournalEntry",
    "MemoryJournal",
    "Passing",
    "Scripted",
    "SpawnedServer",
    "Trouble",
    "allow",
    "differences",
    "read_bill",
    "spawn_server",
    "troubles",
    "vector_for",
]
