"""`aihandler check`: validates the configuration and proves where data can go."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import table

if TYPE_CHECKING:
    from aihandler.handler import Handler
    from aihandler.policy import Finding, Proof
    from aihandler.policy.findings import Row


@click.command()
@click.option("--reasons", is_flag=True, help="Also why each other deployment is left out.")
@config_option
@json_option
def check(reasons: bool, config: Path, as_json: bool) -> None:
    """Validate the configuration and prove where data of each class can go, on every path.

    Says also which deployments have no price, and which entry of the price list would fit.

    Exits 1 when there is an error, 2 when the file itself is wrong.
    """
    from aihandler.cli.price_findings import with_prices
    from aihandler.cli.template_findings import with_templates
    from aihandler.handler import Handler

    handler = Handler.load(config)
    proof = with_prices(prove_data_flow(handler), handler.configuration)
    proof = with_templates(proof, handler.configuration)
    if as_json:
        echo_json(proof)
    else:
        _show(proof, str(config), reasons=reasons)
    raise SystemExit(0 if proof.ok else 1)


command = check


def prove_data_flow(handler: "Handler") -> "Proof":
    """The proof with what the ledger knows: measured quality, and the class of corrections."""
    from aihandler.policy import prove

    today = datetime.datetime.now(datetime.UTC).date()
    return prove(
        handler.configuration,
        today=today,
        corrections=handler.correction_classes(),
        measured=handler.snapshot().quality,
    )


def _show(proof: "Proof", file: str, *, reasons: bool) -> None:
    if proof.table:
        click.echo(table(("where", "class", "path", "can reach"), _rows(proof.table)) + "\n")
    for line in _reasons(proof.table) if reasons else ():
        click.echo(line)
    for finding in proof.findings:
        click.echo(told(finding, file))
    errors, warnings = len(proof.errors), len(proof.warnings)
    click.echo(f"{file}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _rows(found: "Sequence[Row]") -> Iterator[Sequence[str]]:
    """A row for each place and path; classes that reach the same stand in one row."""
    before = ""
    for place, path, reachable in dict.fromkeys((r.place, r.path, r.reachable) for r in found):
        key = (place, path, reachable)
        classes = [r.data_class.value for r in found if (r.place, r.path, r.reachable) == key]
        shown = place if place != before else ""
        before = place
        yield shown, ", ".join(classes), path, ", ".join(reachable) or "nothing"


def _reasons(found: "Sequence[Row]") -> Iterator[str]:
    told_already: set[tuple[str, str, str]] = set()
    for row in found:
        for exclusion in row.excluded:
            known = (row.task, row.data_class.value, exclusion.deployment)
            if known not in told_already:
                told_already.add(known)
                yield (
                    f"{row.task}, {row.data_class.value}: not {exclusion.deployment}, "
                    f"{exclusion.reason} [{exclusion.gate}]"
                )
    yield ""


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def told(finding: "Finding", file: str) -> str:
    """A finding as `file:line: level: message (at path)` and its hint."""
    place = f"{file}:{finding.line}" if finding.line else file
    hint = f"\n  hint: {finding.hint}" if finding.hint else ""
    return f"{place}: {finding.level}: {finding.message} (at {finding.path}){hint}"
