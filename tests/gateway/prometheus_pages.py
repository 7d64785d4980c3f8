"""A strict reader of Prometheus' text format 0.0.4: whatever is not in it fails."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\\\|\\n)+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
_VALUE = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?|[+-]Inf|NaN")
_ENDS = {"histogram": ("_bucket", "_sum", "_count")}


def read(page: bytes) -> dict[str, dict[tuple, float]]:
    """Each metric's series: sample name and labels, with the value."""
    text = page.decode()
    assert text.endswith("\n")
    told, kind, families = None, "", {}
    for line in text[:-1].split("\n"):
        if help_line := _HELP.fullmatch(line):
            told = help_line[1]
            assert told not in families, f"HELP of {told} twice"
            kind, families[told] = "", {}
        elif type_line := _TYPE.fullmatch(line):
            assert type_line[1] == told, line
            assert not kind, f"TYPE of {told} twice"
            kind = type_line[2]
            assert kind != "counter" or told.endswith("_total"), line
        else:
            _sample(line, told, kind, families[told])
    for name, series in families.items():
        _check_buckets(name, series)
    return families


def value(page: bytes, name: str, **labels: str) -> float:
    """The sum of the series of a sample that have these labels."""
    wanted = set(labels.items())
    return sum(
        number
        for series in read(page).values()
        for (sample, pairs), number in series.items()
        if sample == name and wanted <= set(pairs)
    )


def _sample(line: str, told: str, kind: str, series: dict[tuple, float]) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, f"no sample: {line!r}"
    name, labels, number = match.groups()
    assert kind, f"{name} before its TYPE"
    assert name in {told + end for end in _ENDS.get(kind, ("",))}, f"{name} under {told}"
    assert _VALUE.fullmatch(number), number
    key = (name, _labels(labels))
    assert key not in series, f"{key} twice"
    series[key] = float(number)


def _labels(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs, at = [], 0
    while text and at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"no label: {text[at:]!r}"
        said = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
        pairs.append((match[1], said))
        at = match.end()
        assert bool(match[3]) == (at < len(text)), text
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), text
    return tuple(pairs)


def _check_buckets(name: str, series: dict[tuple, float]) -> None:
    """Each histogram grows from bucket to bucket up to +Inf, which is its count."""
    groups: dict[tuple, dict[str, float]] = {}
    for (sample, labels), number in series.items():
        if sample == f"{name}_bucket":
            rest = tuple(pair for pair in labels if pair[0] != "le")
            groups.setdefault(rest, {})[dict(labels)["le"]] = number
    for rest, buckets in groups.items():
        bounds = [float(bound) for bound in buckets]
        assert bounds == sorted(bounds)
        assert bounds[-1] == float("inf")
        counts = list(buckets.values())
        assert counts == sorted(counts)
        assert series[f"{name}_count", rest] == counts[-1]
        assert (f"{name}_sum", rest) in series
