"""`aihandler config schema`: the JSON Schema of aihandler.yaml, for editors."""

from pathlib import Path

import click

from aihandler.cli.options import echo_json


@click.group()
def config() -> None:
    """About the configuration file."""


command = config


@config.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write it to a file.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of aihandler.yaml."""
    from aihandler.config import schema as configuration_schema

    if out is None:
        echo_json(configuration_schema())
        return
    import msgspec

    out.write_bytes(msgspec.json.format(msgspec.json.encode(configuration_schema()), indent=2))
    click.echo(f"wrote {out}")
