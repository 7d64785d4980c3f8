"""Places in a configuration file, and the mistakes found at them."""

from collections.abc import Mapping

from aihandler.errors import Mistake

# The keys and list positions that lead from the root to a value.
Path = tuple[str | int, ...]


def written(path: Path) -> str:
    """`tasks.triage.candidates[0]`"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


class Mistakes:
    """Collects mistakes, so that all are shown at once."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._found: list[Mistake] = []
        self._misshapen: set[Path] = set()

    def add_misshape(self, path: Path, message: str, *, hint: str = "") -> None:
        """Notes a mistake in the shape at `path`; what lies above is not judged any more."""
        self.add(path, message, hint=hint)
        self._misshapen.update(path[:length] for length in range(len(path) + 1))

    def add_unless_misshapen(self, path: Path, message: str, *, hint: str = "") -> None:
        """Notes a mistake, unless it may follow from one in the shape at or below `path`."""
        if path not in self._misshapen:
            self.add(path, message, hint=hint)

    def add(self, path: Path, message: str, *, hint: str = "") -> None:
        """Notes a mistake at `path`; its line is that of the nearest place above that has one."""
        place = written(path)
        self._found.append(
            Mistake(message, file=self._file, line=self._line(path), path=place, hint=hint)
        )

    def add_at_line(
        self, line: int, message: str, *, file: str = "", path: Path = (), hint: str = ""
    ) -> None:
        """Notes a mistake in a line that is known, also of another file that this one names."""
        place = written(path)
        self._found.append(
            Mistake(message, file=file or self._file, line=line, path=place, hint=hint)
        )

    def told(self, path: Path) -> bool:
        """Whether a mistake stands at this very place."""
        return any(mistake.path == written(path) for mistake in self._found)

    def in_order(self) -> tuple[Mistake, ...]:
        """All of them, from the top of the file to its end; those of other files follow."""
        return tuple(sorted(self._found, key=lambda m: (m.file != self._file, m.file, m.line)))

    def __len__(self) -> int:
        return len(self._found)

    def _line(self, path: Path) -> int:
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)
