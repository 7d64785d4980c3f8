"""Options of `aihandler advise` for what people edit: a profile, its schema, the frameworks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from aihandler.cli.options import echo_json

Command = TypeVar("Command", bound=Callable[..., Any])


def files_to_edit(command: Command) -> Command:
    """`--template`, `--schema` and `--copy-frameworks`: each prints or copies, and ends there."""
    for option in (_COPY, _SCHEMA, _TEMPLATE):
        command = option(command)
    return command


def frameworks_option(command: Command) -> Command:
    """`--frameworks`: files of one's own beside, or in place of, the shipped ones."""
    return click.option(
        "--frameworks",
        "own",
        type=click.Path(path_type=Path, exists=True),
        help="Your own rules: a YAML file, or a folder of them; same ids replace shipped ones.",
    )(command)


def _template(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from aihandler.advisor.template import profile_template

        click.echo(profile_template(), nl=False)
        context.exit()


def _schema(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from aihandler.advisor.template import profile_schema

        echo_json(profile_schema())
        context.exit()


def _copy(context: click.Context, _: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        from aihandler.advisor.frameworks.own import copy_shipped

        for path in copy_shipped(folder):
            click.echo(f"wrote {path}")
        context.exit()


_TEMPLATE = click.option(
    "--template",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_template,
    help="Print an empty profile with every key explained, and exit.",
)
_SCHEMA = click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_schema,
    help="Print the JSON Schema of a profile, and exit.",
)
_COPY = click.option(
    "--copy-frameworks",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    is_eager=True,
    expose_value=False,
    callback=_copy,
    help="Copy the shipped rules to edit their thresholds, and exit.",
)
