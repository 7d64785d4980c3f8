"""What the built-in classifier reaches: accuracy, coverage, calibration, time and size.

    python bench/classify.py --data FOLDER [--json] [--quick]

FOLDER holds `banking77_train.jsonl.gz`, `banking77_dev.jsonl.gz` and the same for `clinc150`
(rows of text and label). Training sees the train parts only, without rows labelled `oos`; the
cross-validated column is from them, the dev columns from the dev parts.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aihandler.linear.calibrate import calibration_error
from aihandler.linear.learn import learn
from aihandler.linear.model import LinearModel, Scored, score
from aihandler.linear.store import load, save

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
Labelled = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="leave out the runs with few labels")
    options = parser.parse_args()
    results = []
    for name in ("banking77", "clinc150"):
        train = read(options.data / f"{name}_train.jsonl.gz")
        dev = read(options.data / f"{name}_dev.jsonl.gz")
        results.append(measure(name, train, dev))
        results += [
            measure(f"{name}, {labels} a class", few(train, labels), dev)
            for labels in (() if options.quick else (5, 20, 100))
        ]
    if options.json:
        json.dump(results, sys.stdout, indent=2)
    else:
        show(results)


def read(path: Path) -> Labelled:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"], row["label"]) for row in rows]


def few(rows: Labelled, labels: int, seed: int = 1) -> Labelled:
    taken: dict[str, int] = defaultdict(int)
    chosen = []
    for place in np.random.default_rng(seed).permutation(len(rows)).tolist():
        label = rows[place][1]
        if taken[label] < labels:
            taken[label] += 1
            chosen.append(rows[place])
    return chosen


def measure(name: str, train: Labelled, dev: Labelled) -> dict[str, float | str | None]:
    train = [row for row in train if row[1] != "oos"]
    begin = time.process_time()
    model = learn([text for text, _ in train], {"label": [label for _, label in train]})
    trained_s = time.process_time() - begin
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save(model, path)
        size = path.stat().st_size
        model = load(path)
    inside = [row for row in dev if row[1] != "oos"]
    scored = [score(model, text) for text, _ in inside]
    foreign = [score(model, text) for text, label in dev if label == "oos"]
    right = np.array([s.labels[0] == label for s, (_, label) in zip(scored, inside, strict=True)])
    confidence = np.array([s.confidence for s in scored])
    threshold, _ = model.threshold_for(0.95)
    sure = confidence >= threshold
    return {
        "data": name,
        "examples": len(train),
        "cross-validated": model.learned.accuracy,
        "accuracy": float(right.mean()),
        "at 80 %": at_coverage(confidence, right, 0.8),
        "at 90 %": at_coverage(confidence, right, 0.9),
        "calibration error": calibration_error(confidence, right),
        "held .95": float(right[sure].mean()) if sure.any() else None,
        "by answering": float(sure.mean()),
        "oos AUROC": auroc(scored, foreign) if foreign else None,
        "train CPU s": trained_s,
        "us a text": single_us(model, [text for text, _ in inside]),
        "model MB": size / 1e6,
    }


def at_coverage(confidence: np.ndarray, right: np.ndarray, share: float) -> float:
    surest = np.argsort(-confidence, kind="stable")[: round(share * len(right))]
    return float(right[surest].mean())


def auroc(inside: Sequence[Scored], foreign: Sequence[Scored]) -> float:
    """How often a text in scope has a larger largest logit than one out of scope."""
    ours = np.array([s.largest_logit for s in inside])
    theirs = np.sort([s.largest_logit for s in foreign])
    below = np.searchsorted(theirs, ours, "left") + np.searchsorted(theirs, ours, "right")
    return float(below.mean() / 2 / len(theirs))


def single_us(model: LinearModel, texts: Sequence[str], rounds: int = 2_000) -> float:
    """CPU microseconds for one text of 80 characters; texts are joined to be as long as that."""
    joined = " ".join(texts)
    cut = [joined[80 * place : 80 * place + 80] for place in range(min(500, len(joined) // 80))]
    begin = time.process_time()
    for place in range(rounds):
        score(model, cut[place % len(cut)])
    return (time.process_time() - begin) / rounds * 1e6


def show(results: Sequence[dict[str, float | str | None]]) -> None:
    for result in results:
        print(f"\n{result['data']}")
        for name, value in result.items():
            if name != "data":
                shown = f"{value:.3f}" if isinstance(value, float) else value
                print(f"  {name:18} {shown}")


if __name__ == "__main__":
    if not ONE_THREAD.items() <= os.environ.items():
        # numpy has read them by this line: times are to be CPU times of one thread.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    main()
