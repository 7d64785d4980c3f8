"""Text for people: tables that fit the terminal, money, durations."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

import click

__all__ = ["bold", "seconds", "table", "usd", "width"]

# A file or a pipe has no width of its own.
_WIDTH_WITHOUT_TERMINAL = 120


def width() -> int:
    """Characters a line: those of the terminal; COLUMNS states them elsewhere."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return _WIDTH_WITHOUT_TERMINAL


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> str:
    """A table as text. Columns in `numbers` are aligned to the right and never broken."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for name in columns:
        right = name in numbers
        shown.add_column(
            name, justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    for row in rows:
        # A name is data: brackets in it are no markup.
        shown.add_row(*(Text(cell) for cell in row))
    console = Console(width=width(), color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def bold(text: str) -> str:
    """Emphasised on a terminal, plain elsewhere."""
    return click.style(text, bold=True)


def usd(nano: int | None) -> str:
    """Nano-dollars for people: more digits the smaller it is; `unpriced` when not known."""
    if nano is None:
        return "unpriced"
    dollars = nano / 1_000_000_000
    if dollars == 0:
        return "$0"
    return f"${dollars:,.2f}" if abs(dollars) >= 1 else f"${dollars:.2g}"


def seconds(duration_s: float | None) -> str:
    """A duration for people."""
    if duration_s is None:
        return "-"
    if duration_s < 0.0995:
        return f"{duration_s * 1000:.1f} ms"
    if duration_s < 100:
        return f"{duration_s:.1f} s"
    return f"{int(duration_s) // 60} min {int(duration_s) % 60} s"
