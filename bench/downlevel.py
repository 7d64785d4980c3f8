"""What comes of real schemas in each subset, and what sending and undoing them costs.

    python -m bench.downlevel [--data FOLDER]

FOLDER holds `real_schemas.jsonl.gz` (rows with a `schema`); without it the 60 schemas of the tests
are taken. For each subset: schemas sent whole, sent with limits dropped and passed over; CPU time
to lower one schema (median, 95th percentile) and to undo one answer; the reasons for passing over.
"""

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aihandler.validation.downlevel import (
    Downlevelled,
    PassedOver,
    Subset,
    downlevel,
    load_subsets,
)

HERE = Path(__file__).resolve().parent.parent / "tests" / "data" / "structured"
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE)
    parser.add_argument("--reasons", action="store_true", help="why schemas were passed over")
    options = parser.parse_args()
    schemas = _schemas(options.data / "real_schemas.jsonl.gz")
    print(f"{len(schemas)} schemas")
    print(
        f"{'subset':<24}{'full':>6}{'partial':>9}{'none':>6}{'passed over':>13}"
        f"{'lower us p50':>14}{'p95':>7}{'undo us p50':>13}{'p95':>7}"
    )
    reasons = {}
    for name, subset in load_subsets().items():
        counts, costs, undoing, reasons[name] = _measured(schemas, subset)
        print(
            f"{name:<24}{counts['full']:>6}{counts['partial']:>9}{counts['none']:>6}"
            f"{counts['passed over']:>13}{_at(costs, 0.5):>14.0f}{_at(costs, 0.95):>7.0f}"
            f"{_at(undoing, 0.5):>13.1f}{_at(undoing, 0.95):>7.1f}"
        )
    for name, why in reasons.items() if options.reasons else ():
        for reason, count in why.most_common(5):
            print(f"  {name}: {count:>3} {reason}")


def _measured(
    schemas: list[Mapping[str, Any]], subset: Subset
) -> tuple[Counter[str], list[float], list[float], Counter[str]]:
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    costs, undoing = [], []
    for schema in schemas:
        found = downlevel(schema, subset)
        costs.append(_cost_us(lambda schema=schema: downlevel(schema, subset)))
        if isinstance(found, PassedOver):
            counts["passed over"] += 1
            reasons[re.sub(r"'[^']*'|\d+", "…", found.reason)] += 1
            continue
        counts[found.enforced] += 1
        undoing.append(_cost_of_undoing_us(found))
    return counts, costs, undoing, reasons


def _cost_of_undoing_us(found: Downlevelled) -> float:
    answer = _an_answer(found.sent, found.sent, 0)
    return _cost_us(lambda: found.undo(answer))


def _an_answer(node: Any, root: Any, depth: int) -> Any:
    """An answer that says everything the sent schema names, some levels deep."""
    if "$ref" in node:
        target = root
        for part in node["$ref"].split("/")[1:]:
            target = target[part]
        return None if depth > 6 else _an_answer(target, root, depth + 1)
    if "anyOf" in node:
        return _an_answer(node["anyOf"][0], root, depth + 1)
    kind = node.get("type", "string")
    if "properties" in node:
        return {key: _an_answer(p, root, depth + 1) for key, p in node["properties"].items()}
    if kind == "array":
        return [_an_answer(node["items"], root, depth + 1)] * 2 if "items" in node else []
    if "enum" in node:
        return node["enum"][0]
    return {"object": {}, "integer": 1, "number": 1.5, "boolean": True, "null": None}.get(
        kind if isinstance(kind, str) else "string", "some words"
    )


def _cost_us(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time_ns()
        work()
        taken.append(time.process_time_ns() - begun)
    return min(taken) / 1000


def _at(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def _schemas(path: Path) -> list[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["schema"] for line in lines]


if __name__ == "__main__":
    main()
