"""Trained classifiers by task: found in the cache folder, or trained there once and for all."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from aihandler.backends.builtin.classify import Classifier
from aihandler.backends.builtin.lesson import identity, lesson
from aihandler.domain.task import Task
from aihandler.errors import AIHandlerError, InputError, StorageError

if TYPE_CHECKING:
    from aihandler.linear.model import LinearModel

__all__ = ["School"]


class School:
    """Gives each task its classifier. However many ask at once, it is trained once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._identities: dict[str, str] = {}
        self._ready: dict[str, Classifier] = {}
        self._training: dict[str, asyncio.Task[Classifier]] = {}
        # A training that failed is not tried again for every document of a run.
        self._failures: dict[str, AIHandlerError] = {}

    def identity(self, task: Task) -> str:
        """Names the weights for `task`. The examples are hashed once."""
        if task.name not in self._identities:
            self._identities[task.name] = identity(task)
        return self._identities[task.name]

    def path(self, task: Task) -> Path:
        """Where the trained model lies, or will lie."""
        return self._folder / f"classify-{self.identity(task)}.model"

    def ready(self, task: Task) -> Classifier | None:
        """The classifier, if it has been used before; never waits."""
        return self._ready.get(task.name)

    async def classifier(self, task: Task) -> Classifier:
        """The classifier, trained when there is none yet.

        A caller that gives up does not stop the training: the next one finds it further on.

        Raises:
            ConfigError, InputError: the task has no output or no examples that can be learned.
            StorageError: the model could not be trained or kept.
        """
        if (found := self._ready.get(task.name)) is not None:
            return found
        if (failure := self._failures.get(task.name)) is not None:
            raise failure.with_traceback(None)
        training = self._training.get(task.name)
        if training is None:
            training = asyncio.ensure_future(self._obtain(task))
            self._training[task.name] = training
            training.add_done_callback(lambda done: self._over(task.name, done))
        return await asyncio.shield(training)

    def forget_failure(self, task: Task) -> None:
        """Lets a training that failed be tried again."""
        self._failures.pop(task.name, None)

    async def close(self) -> None:
        """Stops trainings, and waits until their processes are gone."""
        pending = list(self._training.values())
        for training in pending:
            training.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _obtain(self, task: Task) -> Classifier:
        model = _found(self.path(task))
        if model is None:
            given = await asyncio.to_thread(lambda: msgspec.json.encode(lesson(task)))
            await _train(task, given, self.path(task))
            model = _found(self.path(task))
        if model is None:
            raise _failed(task, self._folder, "the trained model cannot be read back")
        classifier = Classifier(model, task)
        self._ready[task.name] = classifier
        return classifier

    def _over(self, name: str, done: "asyncio.Task[Classifier]") -> None:
        self._training.pop(name, None)
        # Looked at here, because everyone who waited may have given up.
        error = None if done.cancelled() else done.exception()
        if isinstance(error, AIHandlerError):
            self._failures[name] = error


def _found(path: Path) -> "LinearModel | None":
    from aihandler.linear.store import load

    try:
        return load(path)
    except (FileNotFoundError, InputError):
        # A damaged file is trained again; the worker replaces it.
        return None
    except OSError as error:
        raise StorageError(
            f"the trained model {str(path)!r} cannot be read: {error.strerror}",
            hint="make the folder readable, or delete the file: it is trained again",
        ) from error


async def _train(task: Task, given: bytes, path: Path) -> None:
    """Runs the worker. Nothing is forked and `__main__` is not imported again."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        # Not the folder of the user: a `json.py` there is not ours.
        "-P",
        "-m",
        "aihandler.backends.builtin.train",
        str(path),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    try:
        _, complaint = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"the worker ended with {process.returncode}"
        raise _failed(task, path.parent, reason)


def _environment() -> dict[str, str]:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # What this process can import, the worker can, however it came to be importable.
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, **one, "PYTHONPATH": paths}


def _failed(task: Task, folder: Path, reason: str) -> StorageError:
    return StorageError(
        f"task {task.name!r}: its classifier could not be trained in {str(folder)!r}: {reason}",
        hint="see that the folder can be written to and that the disk is not full",
    )
