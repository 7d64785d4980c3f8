"""`aihandler compare TASK`: which deployment is good enough, on data of one's own."""

from pathlib import Path

import click

from aihandler.cli.options import config_option, json_option


@click.command()
@click.argument("task")
@click.option(
    "--deployments",
    required=True,
    metavar="A,B,...",
    help="Who is compared; the others are held against the first.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV or JSON Lines: input, expected. Left out: the task's examples and corrections.",
)
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="How often each item is asked, to see whether answers stay the same.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many items, by chance.")
@click.option("--seed", default=7, show_default=True, help="What chance begins with.")
@click.option("--budget", metavar="USD", help="What may be spent at most; it is never passed.")
@click.option(
    "--scorer",
    "scorers",
    multiple=True,
    metavar="NAME",
    help="exact, normalised, numeric:0.01, json-f1, json-f1-sets, regex:..., valid, "
    "grounded, arithmetic, refusal, latency:S, cost:USD or module:function. The first "
    "one counts.",
)
@click.option(
    "--margin",
    default=2.0,
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    show_default=True,
    metavar="POINTS",
    help="How much worse, in points of a hundred, is still as good.",
)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="TEXT",
    help='What must hold, else exit 1: "b not worse than a by 2 points".',
)
@click.option(
    "--concurrency",
    default=8,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many items are under way at once.",
)
@click.option("--fresh", is_flag=True, help="Ask anew what an earlier comparison has asked.")
@click.option("--html", type=click.Path(path_type=Path), help="Write one page for a browser.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option(
    "--show-restricted", is_flag=True, help="Let page and JSON hold texts of restricted items."
)
@config_option
@json_option
def compare(
    task: str,
    deployments: str,
    data: Path | None,
    repeat: int,
    limit: int | None,
    seed: int,
    budget: str | None,
    scorers: tuple[str, ...],
    margin: float,
    gates: tuple[str, ...],
    concurrency: int,
    fresh: bool,
    html: Path | None,
    junit: Path | None,
    show_restricted: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Compare deployments at TASK: every item is asked of each, alone, under the task's own rules.

    Each answer is cleared, validated, paid and recorded as any other; nothing is sent where an
    item's data class may not go. Stopped, the same command goes on from there, and what was asked
    before is not paid again. What is shown is kept: `auto` routing and `aihandler explain` use it.

    Exits 1 when a gate does not hold, or when the comparison ended early.
    """
    from aihandler.cli import comparing
    from aihandler.handler import Handler

    handler = Handler.load(config)
    wanted = comparing.Wanted(
        task,
        deployments,
        data=data,
        repeat=repeat,
        limit=limit,
        seed=seed,
        budget=budget,
        scorers=scorers,
        margin=margin,
        gates=gates,
        concurrency=concurrency,
        fresh=fresh,
        outputs=comparing.Outputs(html, junit, show_restricted, as_json),
    )
    raise SystemExit(comparing.compare(handler, wanted))


command = compare
