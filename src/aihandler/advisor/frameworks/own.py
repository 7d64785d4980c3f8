"""A user's own framework files beside the shipped ones: other thresholds, rules of one's own."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from aihandler.advisor.frameworks.reading import (
    Frameworks,
    read_frameworks,
    shipped,
    shipped_paths,
)
from aihandler.errors import ConfigError, InputError, Mistake, StorageError


def frameworks(own: Path | None) -> tuple[Frameworks, ...]:
    """The shipped ones, with those of a user at `own` beside them or in their place."""
    return shipped() if own is None else with_own(shipped(), read_own(own))


def read_own(path: Path) -> tuple[Frameworks, ...]:
    """One file, or every .yaml file of a folder in order.

    Raises ConfigError with the mistakes of all files at once, InputError when there is none.
    """
    paths = tuple(sorted(path.glob("*.yaml"))) if path.is_dir() else (path,)
    if not paths:
        raise InputError(
            f"no frameworks in {str(path)!r}: there is no .yaml file",
            hint="copy the shipped ones with `aihandler advise --copy-frameworks DIR`",
        )
    read: list[Frameworks] = []
    mistakes: list[Mistake] = []
    for each in paths:
        try:
            read.append(read_frameworks(each))
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        told = "\n".join(str(mistake) for mistake in mistakes)
        raise ConfigError(told, hint=mistakes[0].hint, mistakes=tuple(mistakes))
    return tuple(read)


def with_own(files: Sequence[Frameworks], own: Sequence[Frameworks]) -> tuple[Frameworks, ...]:
    """What has the id of a shipped framework, list or contradiction takes its place."""
    frameworks = {one.id for file in own for one in file.frameworks}
    lists = {one.id for file in own for one in file.lists}
    partings = {one.id for file in own for one in file.contradictions}
    kept = (
        msgspec.structs.replace(
            file,
            frameworks=tuple(one for one in file.frameworks if one.id not in frameworks),
            lists=tuple(one for one in file.lists if one.id not in lists),
            contradictions=tuple(one for one in file.contradictions if one.id not in partings),
        )
        for file in files
    )
    return (*kept, *own)


def copy_shipped(folder: Path) -> tuple[Path, ...]:
    """Copies the shipped files to edit them; never over a file that is there."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in shipped_paths():
            with (folder / source.name).open("x", encoding="utf-8") as file:
                file.write(source.read_text(encoding="utf-8"))
            written.append(folder / source.name)
    except FileExistsError as error:
        raise InputError(
            f"{str(error.filename)!r} exists and is not written over",
            hint="name another folder, or remove the file",
        ) from error
    except OSError as error:
        raise StorageError(
            f"{str(folder)!r} cannot be written: {error.strerror}", hint="name another folder"
        ) from error
    return tuple(written)
