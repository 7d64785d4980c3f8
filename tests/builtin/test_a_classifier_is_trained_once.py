import asyncio
import fcntl
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from classroom import ask, caller_for, ticket_task

from aihandler.backends.builtin.lesson import lesson
from aihandler.domain.task import Example, Examples, LabelOutput
from aihandler.errors import BackendRejected, BackendUnavailable, ConfigError, StorageError


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    started: list[object] = []
    begin = asyncio.create_subprocess_exec

    async def counted(*arguments: Any, **options: Any) -> Any:
        started.append(arguments)
        return await begin(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    return started


def test_many_calls_at_once_train_once(tmp_path: Path, workers: list[object]) -> None:
    task = ticket_task()
    caller = caller_for(tmp_path, task)

    async def calls() -> set[str]:
        replies = await asyncio.gather(
            *(ask(caller, "classify", {"text": "a bill"}, output=task.output) for _ in range(50))
        )
        return {reply.text for reply in replies}

    assert len(asyncio.run(calls())) == 1
    assert len(workers) == 1


def test_a_trained_model_is_found_again(tmp_path: Path, workers: list[object]) -> None:
    task = ticket_task(quality_target=0.6)
    first = asyncio.run(caller_for(tmp_path, task).train(task))
    second = asyncio.run(caller_for(tmp_path, task).train(task))
    assert len(workers) == 1
    assert msgspec.structs.replace(second, seconds=first.seconds) == first
    assert (first.examples, first.classes) == (12, 2)
    assert Path(first.path).exists()


def test_a_damaged_model_is_trained_again(tmp_path: Path, workers: list[object]) -> None:
    task = ticket_task()
    path = Path(asyncio.run(caller_for(tmp_path, task).train(task)).path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    asyncio.run(caller_for(tmp_path, task).train(task))
    assert path.read_bytes() == whole
    assert len(workers) == 2


def test_a_worker_that_waited_for_another_one_trains_nothing(tmp_path: Path) -> None:
    task = ticket_task()
    made = Path(asyncio.run(caller_for(tmp_path / "made", task).train(task)).path)
    path = tmp_path / "folder" / made.name
    path.parent.mkdir()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        worker = subprocess.Popen(
            [sys.executable, "-m", "aihandler.backends.builtin.train", str(path)],
            stdin=subprocess.PIPE,
        )
        assert worker.stdin is not None
        worker.stdin.write(msgspec.json.encode(lesson(task)))
        worker.stdin.close()
        made.rename(path)
        before = path.stat().st_ino
    assert worker.wait(timeout=60) == 0
    assert path.stat().st_ino == before


def test_a_script_without_a_main_guard_can_train(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio, sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from pathlib import Path
            from classroom import caller_for, ticket_task
            print("once")
            task = ticket_task()
            print(asyncio.run(caller_for(Path({str(tmp_path)!r}), task).train(task)).examples)
            """
        )
    )
    # A module of the user's that has the name of one that training imports.
    (tmp_path / "json.py").write_text("raise RuntimeError('not this one')\n")
    done = subprocess.run(
        [sys.executable, "-P", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("once\n12\n", "")


def test_a_call_gives_up_at_its_deadline_and_the_training_goes_on(
    tmp_path: Path, workers: list[object]
) -> None:
    task = ticket_task()
    caller = caller_for(tmp_path, task)

    async def story() -> None:
        with pytest.raises(BackendUnavailable, match="still training") as caught:
            await ask(caller, "classify", {"text": "x"}, output=task.output, seconds=0.01)
        assert "aihandler train triage" in caught.value.hint
        await ask(caller, "classify", {"text": "x"}, output=task.output)

    asyncio.run(story())
    assert len(workers) == 1


def test_closing_stops_a_training(tmp_path: Path) -> None:
    # So many that it is still at it when it is stopped, also while other tests hold this one up.
    rows = tuple(
        Example({"text": f"{label} {number} " * 20}, label)
        for number in range(4000)
        for label in ("billing", "bug")
    )
    task = ticket_task(examples=Examples(rows))
    caller = caller_for(tmp_path, task)
    # Of other tests: one that was told to end, and of which nobody has asked yet whether it has.
    before = set(psutil.Process().children())

    async def story() -> None:
        waiting = asyncio.ensure_future(caller.train(task))
        begin = time.monotonic()
        while set(psutil.Process().children()) <= before and time.monotonic() < begin + 30:
            await asyncio.sleep(0.005)
        await caller.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    assert set(psutil.Process().children()) <= before
    assert not list(tmp_path.glob("*.model"))


def test_examples_that_cannot_be_learned_let_another_candidate_answer(
    tmp_path: Path, workers: list[object]
) -> None:
    task = ticket_task(output=LabelOutput(("billing", "bug", "other")))
    caller = caller_for(tmp_path, task)
    for _ in range(2):
        with pytest.raises(BackendRejected, match="label 'other' has no example"):
            asyncio.run(ask(caller, "classify", {"text": "x"}, output=task.output))
    with pytest.raises(ConfigError, match="label 'other' has no example"):
        asyncio.run(caller.train(task))
    assert not workers


def test_a_task_without_examples_has_a_name_and_no_model(tmp_path: Path) -> None:
    task = ticket_task(examples=Examples())
    with pytest.raises(BackendRejected, match="no examples"):
        asyncio.run(ask(caller_for(tmp_path, task), "classify", {"text": "x"}, output=task.output))


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, workers: list[object]) -> None:
    task = ticket_task()
    (tmp_path / "models").symlink_to(tmp_path / "nowhere" / "at all")
    caller = caller_for(tmp_path / "models", task)
    for _ in range(3):
        with pytest.raises(BackendRejected, match="could not be trained"):
            asyncio.run(ask(caller, "classify", {"text": "x"}, output=task.output))
    # It is not tried again for each document; `train` does try again.
    assert len(workers) == 1
    with pytest.raises(StorageError, match="FileExistsError"):
        asyncio.run(caller.train(task))
    assert len(workers) == 2


def test_a_model_that_cannot_be_read(tmp_path: Path, workers: list[object]) -> None:
    (tmp_path / "models").write_text("in the way")
    task = ticket_task()
    with pytest.raises(StorageError, match="cannot be read: Not a directory"):
        asyncio.run(caller_for(tmp_path / "models", task).train(task))
    assert not workers


def test_examples_leave_nothing_readable_by_others(tmp_path: Path) -> None:
    task = ticket_task()
    asyncio.run(caller_for(tmp_path / "models", task).train(task))
    files = list((tmp_path / "models").iterdir())
    assert {file.suffix for file in files} == {".model", ".lock"}
    assert not any(file.stat().st_mode & 0o077 for file in [*files, tmp_path / "models"])
    assert b"charged twice" not in b"".join(file.read_bytes() for file in files)


def test_numpy_is_not_loaded_before_a_classifier_is_used() -> None:
    code = "import sys, aihandler.backends.builtin.caller; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
