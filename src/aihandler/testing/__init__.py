"""Fakes for tests, ours and those of our users: servers, callers, clocks, journals."""

from aihandler.testing.conversations import differences
from aihandler.testing.fake_caller import FakeCaller, allow
from aihandler.testing.fake_clock import FakeClock
from aihandler.testing.fake_server import FakeServer
from aihandler.testing.memory_journal import JournalEntry, MemoryJournal
from aihandler.testing.script import Scripted, vector_for
from aihandler.testing.spawned import SpawnedServer, read_bill, spawn_server

__all__ = [
    "FakeCaller",
    "FakeClock",
    "FakeServer",
    "JournalEntry",
    "MemoryJournal",
    "Scripted",
    "SpawnedServer",
    "allow",
    "differences",
    "read_bill",
    "spawn_server",
    "vector_for",
]
