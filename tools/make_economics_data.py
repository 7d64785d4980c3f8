"""Makes the measured serving points that ship with the advisor out of two public extracts.

`python tools/make_economics_data.py silicon_sample.csv.gz` reads the measured
points of `aiconfigurator-core` and writes `src/aihandler/advisor/data/serving_points.csv.gz`:
one row a point that one group of machines served from prompt to end (`agg`), with its latencies as
measured. Left out are points with machines of their own for prompts (`disagg`), and a few that do
not say how many requests or GPUs there were.
"""

import argparse
import csv
import gzip
import io
import re
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src/aihandler/advisor/data/serving_points.csv.gz"
COLUMNS = (
    *("model", "gpu", "precision", "server", "version", "input_tokens", "output_tokens"),
    *("concurrency", "gpus", "layout", "ttft_ms", "tpot_ms", "measured"),
)


def main() -> int:
    """Writes the points and says how many there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="silicon_sample.csv, gzipped or not")
    chosen = parser.parse_args()
    raw = chosen.file.read_bytes()
    text = (gzip.decompress(raw) if chosen.file.suffix == ".gz" else raw).decode()
    every = list(csv.DictReader(io.StringIO(text)))
    points = sorted(_point(row) for row in every if _is_kept(row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(points)
    # No time stamp and no name, so that the same points give the same bytes.
    TARGET.write_bytes(gzip.compress(out.getvalue().encode(), compresslevel=9, mtime=0))
    sys.stdout.write(f"{len(every)} points, {len(points)} kept, {TARGET.stat().st_size} bytes\n")
    return 0


def _is_kept(row: dict[str, str]) -> bool:
    return row["mode"] == "agg" and bool(_concurrency(row)) and _gpus(row) > 0


def _point(row: dict[str, str]) -> tuple[str, ...]:
    note = row["silicon_data_source"]
    measured = _found(r"measured=([\d-]+)", note)
    layout = "/".join(
        row[name] for name in ("tp_size", "pp_size", "attention_dp_size", "moe_ep_size")
    )
    return (
        row["model_path"],
        row["system"],
        row["precision"] or "unstated",
        row["backend"],
        row["backend_version"],
        row["isl"],
        row["osl"],
        _concurrency(row),
        str(_gpus(row)),
        layout,
        f"{float(row['silicon_ttft_ms']):.4g}",
        f"{float(row['silicon_tpot_ms']):.4g}",
        measured,
    )


def _gpus(row: dict[str, str]) -> int:
    experts = int(row["moe_tp_size"] or 0) * int(row["moe_ep_size"] or 0)
    if experts > 1:
        return experts
    return int(row["tp_size"]) * int(row["attention_dp_size"] or 1) * int(row["pp_size"])


def _concurrency(row: dict[str, str]) -> str:
    return _found(r"silicon_concurrency=(\d+)", row["silicon_data_source"])


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""


if __name__ == "__main__":
    raise SystemExit(main())
