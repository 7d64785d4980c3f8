"""`aihandler serve`: the gateway."""

from pathlib import Path

import click

from aihandler.cli.options import config_option
from aihandler.cli.waiting import waiting
from aihandler.errors import InputError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_LONGEST_DRAIN_S = 86_400.0


def _seconds(_context: click.Context, _parameter: click.Parameter, given: float) -> float:
    # So asked, what is no number is refused too.
    if not 0 <= given <= _LONGEST_DRAIN_S:
        raise click.BadParameter(f"{given} is not in the range 0<=x<={_LONGEST_DRAIN_S:.0f}.")
    return given


@click.command("serve", short_help="Serve the models over HTTP, as OpenAI and Anthropic do.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 for any.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--drain",
    "drain_s",
    default=30.0,
    show_default=True,
    callback=_seconds,
    help="Seconds to finish in.",
)
@click.option("--insecure-local", is_flag=True, help="Ask for no key; on this machine alone.")
@config_option
def command(
    host: str, port: int, workers: int, drain_s: float, *, insecure_local: bool, config: Path
) -> None:
    """Answers clients of OpenAI and Anthropic at one address.

    `model` names a deployment or a task of the configuration; policy, validation, prices and
    ledger apply to every request.
    """
    if insecure_local and host not in _LOOPBACK:
        raise InputError(
            f"--insecure-local asks for no key, and {host!r} can be reached from elsewhere",
            hint="leave --host out, or make keys",
        )
    # Imported here: no other command needs them.
    from aihandler.gateway.logs import log_as_lines
    from aihandler.gateway.supervisor import Settings, Supervisor

    log_as_lines()
    settings = Settings(config, host, port, workers, drain_s, insecure_local)
    with waiting("bringing the ledger up to date") as tick:
        supervisor = Supervisor(settings, watch=tick)
    supervisor.run(ready=_say)


def _say(address: str) -> None:
    click.echo(f"serving at {address}/v1 (stop with ctrl-c)", err=True)
