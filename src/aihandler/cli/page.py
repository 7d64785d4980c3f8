"""Text for people: tables that fit the terminal, money, durations, commands to copy."""

import os
import shlex
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

__all__ = [
    "bold",
    "command_name",
    "config_argument",
    "counted",
    "difference",
    "seconds",
    "table",
    "usd",
    "width",
    "wrapped",
]

# A file or a pipe has no width of its own.
_WIDTH_WITHOUT_TERMINAL = 120
_NARROWEST_LAST = 20


def width() -> int:
    """Characters a line: those of the terminal; COLUMNS states them elsewhere."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return _WIDTH_WITHOUT_TERMINAL


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[str] = (),
    at_most: int | None = None,
) -> str:
    """A table as text. Columns in `numbers` are aligned to the right; the last one is wrapped.

    Nothing is cut: a terminal that is too narrow wraps, a name that is cut cannot be copied.
    `at_most` bounds the characters a line where the terminal is wider.
    """
    wide = min(width(), at_most or width())
    cells = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(map(_columns, column)) for column in zip(columns, *cells, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= wide else " "
    before = sum(widths[:-1]) + len(gap) * (len(widths) - 1)
    last = max(_NARROWEST_LAST, wide - before)
    rule = "─" * min(wide, before + min(widths[-1], last))
    lines = [rule]
    right = [name in numbers for name in columns]
    for row in (list(columns), *cells):
        first, *more = [row[-1]] if right[-1] else textwrap.wrap(row[-1], last) or [""]
        shown = [_aligned(c, w, r) for c, w, r in zip(row, widths, right, strict=True)][:-1]
        shown.append(_aligned(first, widths[-1], to_right=True) if right[-1] else first)
        lines.append(gap.join(shown).rstrip())
        lines.extend(" " * before + line for line in more)
    # The rule stands below the names.
    return "\n".join([lines[1], lines[0], *lines[2:]])


def bold(text: str) -> str:
    """Emphasised on a terminal, plain elsewhere."""
    return click.style(text, bold=True)


def counted(count: int, what: str) -> str:
    """`no documents`, `1 document`, `2 documents`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s") if count else f"no {what}s"


def usd(nano: int | None) -> str:
    """Nano-dollars for people: more digits the smaller it is; `unpriced` when not known."""
    if nano is None:
        return "unpriced"
    if nano == 0:
        return "$0"
    dollars = nano / 1_000_000_000
    # Two digits that count, and no exponents: nobody reads 5e-05 aloud.
    digits = min(9, max(2, 11 - len(str(abs(nano)))))
    return f"${dollars:,.{digits}f}"


def difference(nano: int) -> str:
    """By how much somebody else's sum differs from ours."""
    if nano == 0:
        return "as our price"
    return f"{usd(abs(nano))} {'more' if nano > 0 else 'less'} than our price"


def seconds(duration_s: float | None) -> str:
    """A duration for people."""
    if duration_s is None:
        return "-"
    if duration_s < 0.0995:
        return f"{duration_s * 1000:.1f} ms"
    if duration_s < 100:
        return f"{duration_s:.1f} s"
    return f"{int(duration_s) // 60} min {int(duration_s) % 60} s"


def command_name() -> str:
    """How this program can be called from here, for commands to copy."""
    called = Path(sys.argv[0])
    if called.name != "aihandler" or shutil.which("aihandler") is not None:
        return "aihandler"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def config_argument(config: Path) -> str:
    """What to add to a command so that it finds `config`."""
    return "" if config == Path("aihandler.yaml") else f" -c {shlex.quote(str(config))}"


def wrapped(head: str, parts: Iterable[str]) -> Iterator[str]:
    """`head` and after it the parts, separated by commas, wrapped below each other."""
    indent = " " * len(head)
    text = ", ".join(parts)
    lines = textwrap.wrap(text, max(_NARROWEST_LAST, width() - len(head)), break_long_words=False)
    yield head + (lines[0] if lines else "")
    yield from (indent + line for line in lines[1:])


def _plain(cell: str) -> str:
    # A name or a reason is data: a control character in it may not steer the terminal.
    return "".join(c if c.isprintable() else " " for c in cell)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _aligned(cell: str, wide: int, to_right: bool) -> str:
    space = " " * (wide - _columns(cell))
    return space + cell if to_right else cell + space
