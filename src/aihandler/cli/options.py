"""Options that several commands share, and how a result is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """`--config`: which configuration file."""
    return click.option(
        "-c",
        "--config",
        "config",
        type=click.Path(path_type=Path),
        default=Path("aihandler.yaml"),
        show_default=True,
        envvar="AIHANDLER_CONFIG",
        help="Configuration file.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: data for programs instead of text for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def echo_json(value: object) -> None:
    """Prints `value` as indented JSON; structs and Decimals included."""
    encoded = msgspec.json.encode(value, enc_hook=_plain)
    click.echo(msgspec.json.format(encoded, indent=2).decode())


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)


def usd(nano: int | None) -> str:
    """Nano-dollars for people: more digits the smaller it is; `unpriced` when not known."""
    if nano is None:
        return "unpriced"
    dollars = nano / 1_000_000_000
    if dollars == 0:
        return "$0"
    return f"${dollars:,.2f}" if abs(dollars) >= 1 else f"${dollars:.4g}"


def seconds(duration_s: float | None) -> str:
    """A duration for people."""
    if duration_s is None:
        return "-"
    if duration_s < 0.0995:
        return f"{duration_s * 1000:.1f} ms"
    if duration_s < 100:
        return f"{duration_s:.1f} s"
    return f"{int(duration_s) // 60} min {int(duration_s) % 60} s"
