"""Options that several commands share, and how data for programs is printed."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from aihandler.errors import InputError

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


def times_of_month(month: str) -> tuple[float, float]:
    """Begin and end of `202610` (UTC), in seconds since 1970. Raises InputError."""
    try:
        begin = datetime.fromisoformat(f"{month[:4]}-{month[4:]}-01").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(
            f"{month!r} is no month", hint="write year and month, such as 202610"
        ) from None
    end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return begin.timestamp(), end.timestamp()


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
