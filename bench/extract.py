"""What the built-in extractor reaches: precision and recall per field, and time per document.

    python bench/extract.py --data FOLDER [--json]

FOLDER holds `synthetic_documents.jsonl.gz` and `synthetic_documents_newtemplates.jsonl.gz` (rows
of task, instruction, text and expected). The first 2,000 rows of the first file are those that the
extractor was developed on; the rest and the second file are held out. The documents written by
hand are those of `tests/data/extraction`.
"""

import argparse
import gzip
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from aihandler.backends.builtin.extract import Extraction, extract

TUNED_ROWS = 2_000
HERE = Path(__file__).resolve().parent.parent / "tests" / "data" / "extraction"
TYPES: dict[str, dict[str, str]] = {
    "vendor": {"type": "string"},
    "company": {"type": "string"},
    "invoice_number": {"type": "string"},
    "number": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "total": {"type": "number"},
    "currency": {"type": "string"},
}
INVOICE = ("vendor", "invoice_number", "date", "total", "currency")
FIELDS = ("date", "total", "company", "number", "currency")
Case = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = _rows(options.data / "synthetic_documents.jsonl.gz")
    fresh = _rows(options.data / "synthetic_documents_newtemplates.jsonl.gz")
    report = {
        "developed on": measure(_cases(rows[:TUNED_ROWS])),
        "held out": measure(_cases(rows[TUNED_ROWS:])),
        "new templates": measure(_cases(fresh)),
        "written by hand": measure(_handwritten()),
    }
    if options.json:
        print(json.dumps(report, indent=1))
        return
    for part, figures in report.items():
        show(part, figures)


def measure(cases: Iterable[Case]) -> dict[str, Any]:
    """Precision and recall by field, whole documents right by confidence, CPU per document."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    bands: dict[str, Counter[str]] = defaultdict(Counter)
    spent, documents, characters = 0.0, 0, 0
    for task, text, schema, expected in cases:
        begun = time.process_time()
        extraction = extract(text, schema)
        spent += time.process_time() - begun
        documents, characters = documents + 1, characters + len(text)
        wrong = 0
        got, want = _flat(extraction.value), _flat(expected)
        for name in got.keys() | want.keys():
            outcome = _outcome(got.get(name), want.get(name))
            counts[_field(task, name)][outcome] += 1
            counts[f"{task}: all"][outcome] += 1
            wrong += outcome == "wrong"
        if extraction.confidence is not None:
            bands[_band(extraction)]["right" if not wrong else "wrong"] += 1
    return {
        "documents": documents,
        "characters": characters,
        "cpu_us_per_document": round(spent / max(1, documents) * 1e6),
        "fields": {name: _rates(each) for name, each in sorted(counts.items())},
        "no wrong value, by confidence": {
            band: [each["right"], each.total()] for band, each in sorted(bands.items())
        },
    }


def show(part: str, figures: Mapping[str, Any]) -> None:
    print(
        f"\n{part}: {figures['documents']} documents, {figures['cpu_us_per_document']} us CPU each"
    )
    print(f"  {'field':<28}{'precision':>10}{'recall':>8}{'right':>7}{'wrong':>7}{'missing':>9}")
    for name, each in figures["fields"].items():
        print(
            f"  {name:<28}{each['precision']:>10.3f}{each['recall']:>8.3f}"
            f"{each['right']:>7}{each['wrong']:>7}{each['missing']:>9}"
        )
    for band, (right, total) in figures["no wrong value, by confidence"].items():
        print(f"  confidence {band}: {right} of {total} documents without a wrong value")


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _cases(rows: Iterable[dict[str, Any]]) -> Iterable[Case]:
    for row in rows:
        if row["task"] == "invoice":
            yield "invoice", row["text"], _schema(INVOICE), row["expected"]
        elif row["task"] == "field":
            name = next(f for f in FIELDS if f in row["instruction"].casefold())
            value = float(row["expected"]) if name == "total" else str(row["expected"])
            yield "field", row["text"], _schema((name,)), {name: value}


def _handwritten() -> Iterable[Case]:
    schema = json.loads((HERE / "schema.json").read_text(encoding="utf-8"))
    expected = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
    for name, each in expected.items():
        yield "document", (HERE / name).read_text(encoding="utf-8"), schema, each["expected"]


def _schema(names: Iterable[str]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: TYPES[name] for name in names}}


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: each for key, each in value.items() if key != "lines"}
    for index, line in enumerate(value.get("lines", ())):
        found |= {f"lines/{index}/{key}": each for key, each in line.items()}
    return found


def _field(task: str, name: str) -> str:
    return f"{task}: lines" if name.startswith("lines/") else f"{task}: {name}"


def _outcome(got: object, want: object) -> str:
    if got is None:
        return "missing"
    # A value that the document does not hold is as wrong as another value.
    return "right" if got == want else "wrong"


def _rates(counts: Counter[str]) -> dict[str, float]:
    right, wrong, missing = counts["right"], counts["wrong"], counts["missing"]
    return {
        "precision": right / max(1, right + wrong),
        "recall": right / max(1, right + wrong + missing),
        "right": right,
        "wrong": wrong,
        "missing": missing,
    }


def _band(extraction: Extraction) -> str:
    confidence = extraction.confidence or 0.0
    edges = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
    for low, high in pairwise(edges):
        if low <= confidence < high:
            return f"{low:.2f} to {min(high, 1.0):.2f}"
    return "1.00"


if __name__ == "__main__":
    main()
