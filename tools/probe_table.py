"""Probes both real servers and writes what was found into docs/probe.md: `make probe-table`."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from environments import say
from real_servers import llama_cpp, transformers

from aihandler import Handler
from aihandler.cli.probe import shown
from aihandler.domain.probes import Probed

PAGE = Path(__file__).parents[1] / "docs" / "probe.md"
BEGIN, END = "<!-- made by tools/probe_table.py -->", "<!-- end -->"
_CONFIGURATION = """
version: 1
deployments:
  llama: {{backend: openai, profile: llama-cpp-python, model: nano, url: "{llama}", hosting: self}}
  tiny:
    {{backend: openai, profile: transformers-serve, model: "{model}", url: "{tiny}", hosting: self}}
policy:
  public: {{hosting: [self]}}
"""


def main() -> int:
    """Replaces the table of the page."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with llama_cpp(folder) as llama, transformers(folder) as (tiny, model):
            text = _CONFIGURATION.format(llama=llama, tiny=tiny, model=model)
            (folder / "aihandler.yaml").write_text(text, encoding="utf-8")
            found = asyncio.run(_probe(folder / "aihandler.yaml"))
        rows = [row.replace(model, "MODEL") for row in _table(*found)]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *rows, f"{END}{after}"]), encoding="utf-8")
    say(f"{PAGE} is up to date")
    return 0


async def _probe(config: Path) -> tuple[Probed, Probed]:
    async with Handler.load(config) as handler:
        return await handler.probe("llama", told=_say), await handler.probe("tiny", told=_say)


def _say(question: str, sends: int, most: int) -> None:
    sys.stderr.write(f"{sends}/{most} {question}\n")


def _table(llama: Probed, tiny: Probed) -> Iterator[str]:
    yield ""
    yield f"| asked | {llama.server} | transformers serve 5.23.0 |"
    yield "| --- | --- | --- |"
    yield f"| requests sent | {llama.sends} | {tiny.sends} |"
    columns = dict.fromkeys(v.column for v in (*llama.verdicts, *tiny.verdicts))
    for column in columns:
        yield f"| `{column}` | {_cell(llama, column)} | {_cell(tiny, column)} |"
    yield ""


def _cell(probed: Probed, column: str) -> str:
    found = next((v for v in probed.verdicts if v.column == column), None)
    if found is None:
        return "not asked"
    value = shown(found.value)
    if column == "call_id" and found.value:
        value = "as it likes"
    return value if found.source == "seen" else f"{value} (of its profile: {found.evidence})"


if __name__ == "__main__":
    raise SystemExit(main())
