"""`aihandler keys`: keys for clients of the gateway."""

import os
import re
import time
from decimal import Decimal
from pathlib import Path

import click

from aihandler.cli.administering import administration, pepper_for
from aihandler.cli.key_rights import require_known
from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.domain.api_key import ROLES, ApiKey
from aihandler.domain.budget import Budget, Per
from aihandler.domain.labels import DataClass
from aihandler.domain.usage import NANO
from aihandler.errors import InputError

_CLASSES = tuple(one.value for one in DataClass)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke keys for clients of the gateway.

    A secret is shown once, when it is made; the ledger keeps only a digest of it.
    """


command = keys


@keys.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@click.option("--user", default="", help="Whose it is.")
@click.option("--team", default="", help="Whose costs it makes.")
@click.option("--project", default="", help="What for.")
@click.option("--tenant", default="", help="Whose data it sends.")
@click.option("--task", "tasks", multiple=True, help="May ask this task, or model/DEPLOYMENT.")
@click.option("--deployment", "deployments", multiple=True, help="May use this deployment.")
@click.option("--route", "routes", multiple=True, help="May ask this address.")
@click.option("--ceiling", type=click.Choice(_CLASSES), default="restricted", show_default=True)
@click.option("--floor", type=click.Choice(_CLASSES), default="public", show_default=True)
@click.option("--requests-per-minute", type=click.IntRange(min=1), help="Of all workers.")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), help="Sent and received.")
@click.option("--budget", "budgets", multiple=True, help="May spend dollars: 20/month, 1/day.")
@click.option("--expires", help="Ends after this long: 90d, 12h.")
@config_option
@json_option
def create_key(
    name: str, config: Path, as_json: bool, **rights: str | int | tuple[str, ...] | None
) -> None:
    """Make a key and show its secret, this once.

    A name is given once: to go on with a key that was revoked or has expired, rotate it.
    """
    from aihandler.config import load

    fields = {field: value or None for field, value in rights.items()}
    expires = fields.pop("expires")
    budgets = tuple(budget_of(name, str(one)) for one in rights["budgets"] or ())  # type: ignore[union-attr]  # a tuple
    key = ApiKey(
        id="",
        prefix="",
        name=name,
        **{n: v for n, v in fields.items() if v and n not in {"ceiling", "floor", "budgets"}},  # type: ignore[arg-type]  # options have their names
        ceiling=DataClass(str(fields["ceiling"])),
        floor=DataClass(str(fields["floor"])),
        budgets=budgets,
        expires_at=time.time() + seconds(str(expires)) if expires else None,
    )
    require_known(key, load(config))
    made, token = administration(config, make=True).create_key(
        key, pepper=pepper_for(config), entropy=os.urandom
    )
    _show_secret(made, token, as_json=as_json)


@keys.command("list")
@config_option
@json_option
def list_keys(config: Path, as_json: bool) -> None:
    """List all keys, the oldest first."""
    known = administration(config).keys()
    if as_json:
        echo_json(known)
        return
    now = time.time()
    for key in known:
        owner = "/".join(part for part in (key.team, key.project, key.user) if part)
        state = key.why_not(now) or "in force"
        click.echo(f"{key.prefix}  {key.name:24} {key.role:9} {owner or '-':24} {state}")


@keys.command("rotate")
@click.argument("name")
@click.option("--overlap", default="24h", show_default=True, help="How long the old one opens.")
@click.option(
    "--expires", help="Ends after this long: 90d, 12h.  [default: when the old one would]"
)
@config_option
@json_option
def rotate_key(name: str, overlap: str, expires: str | None, config: Path, as_json: bool) -> None:
    """Make a new secret for a key; the old one opens for a while more.

    Also for one that was revoked or has expired: its old secrets stay closed.
    """
    key, token = administration(config).rotate_key(
        name,
        pepper=pepper_for(config),
        entropy=os.urandom,
        overlap_s=seconds(overlap),
        expires_at=time.time() + seconds(expires) if expires else None,
    )
    _show_secret(key, token, as_json=as_json)


@keys.command("revoke")
@click.argument("name")
@config_option
def revoke_key(name: str, config: Path) -> None:
    """End a key at once, with all its secrets."""
    key = administration(config).revoke_key(name)
    click.echo(f"{key.name} opens nothing any more; a running gateway knows within 1.5 s")


def seconds(text: str) -> float:
    """`90d`, `12h`, `30m`, `10s` in seconds. Raises InputError."""
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise InputError(f"{text!r} is no length of time", hint="write 90d, 12h, 30m or 10s")
    return float(match[1]) * _UNITS_S[match[2]]


def budget_of(name: str, text: str) -> Budget:
    """`20/month` of a key: dollars a day, a week, a month or in all. Raises InputError."""
    match = re.fullmatch(r"(\d+(?:\.\d{1,9})?)/(day|week|month|total)", text)
    if match is None:
        raise InputError(f"{text!r} is no budget", hint="write 20/month, 1.5/day or 100/total")
    per: Per = match[2]  # type: ignore[assignment]  # one of these words
    return Budget(f"key:{name}", int(Decimal(match[1]) * NANO), per)


def _show_secret(key: ApiKey, token: str, *, as_json: bool) -> None:
    if as_json:
        echo_json({"key": key, "secret": token})
        return
    click.echo(token)
    click.echo(f"the secret of {key.name}, shown this once", err=True)
