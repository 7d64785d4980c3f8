"""`aihandler completion SHELL`: a script that completes commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for SHELL.

    For bash, add to ~/.bashrc: eval "$(aihandler completion bash)"
    """
    from aihandler.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "aihandler", "_AIHANDLER_COMPLETE").source())


command = completion
