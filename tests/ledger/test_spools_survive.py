"""What a worker appended is taken once, in order, whatever becomes of the worker."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.errors import StorageError
from aihandler.ledger.spool import is_written, make_spool, read_spool, write_spool


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "worker-1.spool"
    make_spool(place, size=1024)
    return place


def taken(reader, most=4096):
    found = list(reader.waiting(most=most))
    if found:
        reader.take(found[-1][0])
    return [payload for _, payload in found]


def test_records_come_out_as_they_went_in(path):
    with write_spool(path) as writer, read_spool(path) as reader:
        for payload in (b"one", b"", b"three" * 9):
            writer.append(payload)
        assert taken(reader) == [b"one", b"", b"three" * 9]
        assert taken(reader) == []


def test_what_was_not_marked_as_taken_comes_again(path):
    with write_spool(path) as writer, read_spool(path) as reader:
        writer.append(b"one")
        assert len(list(reader.waiting())) == 1
        assert taken(reader) == [b"one"]


def test_the_ring_goes_round(path):
    with write_spool(path) as writer, read_spool(path) as reader:
        for number in range(500):
            payload = b"%d" % number * (number % 23)
            writer.append(payload)
            assert taken(reader) == [payload]
        assert writer.appended > 4 * 1024


def test_a_full_ring_refuses_and_loses_nothing(path):
    with write_spool(path) as writer, read_spool(path) as reader:
        for _ in range(1024 // 48):
            writer.append(b"x" * 40)
        with pytest.raises(StorageError, match="full"):
            writer.append(b"x" * 40)
        assert len(taken(reader)) == 1024 // 48
        writer.append(b"again")
        assert taken(reader) == [b"again"]


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_torn_record_ends_what_is_taken(path, cut):
    with write_spool(path) as writer:
        writer.append(b"whole")
        before = writer.appended
        writer.append(b"torn-record-of-some-length")
    with path.open("r+b") as file:
        file.seek(64 + before + cut)
        file.write(b"\x00" * 3 + b"\x01")
    with read_spool(path) as reader:
        assert taken(reader)[:1] == [b"whole"]
        assert len(taken(reader)) == 0


def test_a_spool_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "x.spool").write_bytes(b"nonsense" * 20)
    with pytest.raises(StorageError, match="no spool"):
        read_spool(tmp_path / "x.spool")


def test_only_its_owner_may_read_it(path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_killed_writer_leaves_what_it_appended(path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from aihandler.ledger.spool import write_spool\n"
        "writer = write_spool(Path(sys.argv[1]))\n"
        "for n in range(20): writer.append(b'%d' % n)\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"ready\n"
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with read_spool(path) as reader:
        assert taken(reader) == [b"%d" % n for n in range(20)]


@given(steps=st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=60))
def test_any_order_of_appending_and_taking_keeps_all(tmp_path_factory, steps):
    place = tmp_path_factory.mktemp("spool") / "s"
    make_spool(place, size=512)
    sent, got = [], []
    with write_spool(place) as writer, read_spool(place) as reader:
        for takes, payload in steps:
            if takes:
                got += taken(reader, most=2)
                continue
            try:
                writer.append(payload)
            except StorageError:
                continue
            sent.append(payload)
        while more := taken(reader):
            got += more
    assert got == sent


def test_a_spool_says_whether_somebody_writes_it(tmp_path):
    path = tmp_path / "w.spool"
    make_spool(path, size=4096)
    assert not is_written(path)
    writer = write_spool(path)
    with read_spool(path):
        assert is_written(path)
    writer.close()
    assert not is_written(path)


def test_turning_back_early_never_makes_a_ring_full(tmp_path):
    path = tmp_path / "usual.spool"
    make_spool(path)
    payload, leave = b"x" * 10_000, 12 << 20
    with write_spool(path) as writer, read_spool(path) as reader:
        # Always about as much waiting as may still turn back, wherever the ring stands.
        for _ in range(8000):
            writer.append(payload, leave=leave)
            if writer.appended - reader.taken >= 4 << 20:
                reader.take(next(iter(reader.waiting(most=3)))[0])


def test_after_turning_back_early_there_is_room_for_a_disk_that_does_not_answer(tmp_path):
    path = tmp_path / "usual.spool"
    make_spool(path)
    payload, leave = b"x" * 10_000, 12 << 20
    with write_spool(path) as writer, read_spool(path) as reader:
        end = 0
        while True:
            if writer.appended - reader.taken >= 3 << 20:
                reader.take(next(iter(reader.waiting(most=1)))[0])
            end, before = writer.append(payload, leave=leave), end
            if end - before > 1 << 20:
                break
        # From now on nobody takes.
        for _ in range((16 << 20) // len(payload)):
            writer.append(payload, leave=leave)


@pytest.mark.parametrize("found", [b"short", b"AHSPOOL1", b"AHSPOOL1" + bytes(8), bytes(2048)])
def test_what_is_no_spool_is_told(tmp_path, found):
    place = tmp_path / "worker-1.spool"
    place.write_bytes(found)
    with pytest.raises(StorageError, match="is no spool of this version"):
        read_spool(place)
