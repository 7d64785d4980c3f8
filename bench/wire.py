"""Every recorded exchange through its codec, both ways, and what decoding costs:
`python -m bench.wire --data FOLDER`, a folder of `*.jsonl.gz`, one HTTP exchange a line.

Without a folder only the costs are measured. `--table` prints the rows of docs/rooms/backends.md.
"""

import argparse
import base64
import gzip
import itertools
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request, ToolCall, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendError, InputError
from aihandler.testing import differences
from bench.wire_formats import FORMATS
from bench.wire_formats.form import Format

IDENTITY = ReplyIdentity("id", "model", 0)
_CUTS = 12


def read(fmt: Format, exchange: Mapping[str, Any], body: bytes, *, pieces: list[int]) -> list[Any]:
    """The events of a reply that comes cut at `pieces`."""
    profile = fmt.profile(exchange.get("request_body") or {})
    asked = Asked(Request("t", (message("user", "hi"),)), _DEPLOYMENT, profile, exchange["stream"])
    headers = exchange.get("response_headers") or {}
    whole = exchange["response_encoding"] == "json"
    kind = "application/json" if whole else fmt.stream_kind
    reader = fmt.codec.reader(exchange["status"], {**headers, "content-type": kind}, asked=asked)
    events: list[Any] = []
    edges = [0, *sorted(place % (len(body) + 1) for place in pieces), len(body)]
    for begin, end in itertools.pairwise(edges):
        events += reader.feed(body[begin:end])
    return [*events, *reader.end()]


def examine(fmt: Format, exchange: Mapping[str, Any], counts: dict[str, int]) -> None:
    """Adds one exchange to the counts; what goes wrong is printed."""
    told = f"{exchange['provider']} {exchange['path']}#{exchange['index']}"
    _ask_again(fmt, exchange, counts, told=told)
    _fall_back(fmt, exchange, counts, told=told)
    text = exchange["response_body"]
    if exchange["response_encoding"] == "base64":
        data = base64.b64decode(text)
    else:
        data = (text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)).encode()
    try:
        events = read(fmt, exchange, data, pieces=[])
    except BackendError as error:
        refused = exchange["status"] >= 400 or _tells_error(exchange)
        counts["errors, typed" if refused else "FAILED"] += 1
        if not refused:
            print(f"  failed: {told}: {error}")
        return
    reply = events[-1].reply
    counts["decoded"] += 1
    whole = _whole_body(exchange)
    total = fmt.total(data if exchange["response_encoding"] == "base64" else whole)
    if total is not None and (reply.usage is None or reply.usage.total != total):
        counts["USAGE MISMATCHES"] += 1
        print(f"  usage: {told}: {reply.usage} against {total}")
    counts["usage equal to the provider's total"] += total is not None
    _cut_anywhere(fmt, exchange, data, events=events, counts=counts)
    _stream_again(fmt, exchange, reply, counts=counts, told=told)
    if isinstance(text, dict):
        _write_again(fmt, reply, text, counts=counts, told=told)


def costs(fmt: Format) -> Iterator[tuple[str, list[float]]]:
    """Microseconds of CPU, round by round."""
    asked = Asked(
        Request("t", (message("user", "hi"),)), _DEPLOYMENT, fmt.profile({}), streamed=True
    )
    headers = {"content-type": fmt.stream_kind}

    def stream() -> None:
        reader = fmt.codec.reader(200, headers, asked=asked)
        for _ in range(200):
            reader.feed(fmt.chunk)
        reader.feed(fmt.stream_end)
        reader.end()

    yield "a streamed chunk", [cost / 200 for cost in _cpu_us(stream)]
    inbound = fmt.codec.read_request(fmt.request, {})
    yield f"a request of {len(fmt.request)} bytes, read", _cpu_us(lambda: _read(fmt), times=200)
    profile = fmt.profile({})
    yield (
        "the same, written",
        _cpu_us(
            lambda: fmt.codec.encode(inbound.request, _DEPLOYMENT, profile, streamed=True),
            times=200,
        ),
    )


def _read(fmt: Format) -> None:
    fmt.codec.read_request(fmt.request, {})


def _cpu_us(once: Callable[[], object], *, times: int = 1) -> list[float]:
    rounds = []
    for _ in range(15):
        began = time.process_time()
        for _ in range(times * 5):
            once()
        rounds.append((time.process_time() - began) / (times * 5) * 1e6)
    return rounds


def _ask_again(
    fmt: Format, exchange: Mapping[str, Any], counts: dict[str, int], *, told: str
) -> None:
    """A request to our own and back."""
    sent = exchange["request_body"]
    try:
        inbound = fmt.codec.read_request(json.dumps(sent).encode(), {})
    except InputError as error:
        # What the provider refused as well is no request of this format.
        refused = exchange["status"] >= 400
        told_so = "requests refused, here as there" if refused else "REQUESTS FAILED"
        counts["requests refused on purpose" if fmt.refuses(sent) else told_so] += 1
        print(f"  request: {told}: {error}")
        return
    deployment = Deployment("d", "openai", Model(inbound.model), Hosting.SELF)
    call = fmt.codec.encode(
        inbound.request, deployment, fmt.profile(sent), streamed=inbound.streamed
    )
    if fmt.plain(json.loads(call.body)) == fmt.plain(sent):
        counts["requests equal"] += 1
    elif call.lost:
        counts["requests equal but for what is named"] += 1
    else:
        counts["REQUESTS DIFFER"] += 1
        print(
            f"  differs: {told}: {_difference(fmt.plain(sent), fmt.plain(json.loads(call.body)))}"
        )


def _fall_back(
    fmt: Format, exchange: Mapping[str, Any], counts: dict[str, int], *, told: str
) -> None:
    """A conversation with tools, as every other format would go on with it."""
    try:
        request = fmt.codec.read_request(json.dumps(exchange["request_body"]).encode(), {}).request
    except InputError:
        return
    if not any(isinstance(p, ToolCall) for m in request.messages for p in m.parts):
        return
    for name, other in FORMATS.items():
        if other is fmt or not other.talks:
            continue
        deployment = Deployment("d", "openai", Model("m"), Hosting.SELF)
        call = other.codec.encode(request, deployment, other.profile({}), streamed=False)
        lost = differences(request, other.codec.read_request(call.body, {}).request)
        # What is lost may be lost, if it is named.
        if not lost:
            counts["fallbacks, equal"] += 1
        elif call.lost:
            counts["fallbacks, equal but for what is named"] += 1
        else:
            counts["FALLBACKS DIFFER"] += 1
            print(f"  fallback to {name}: {told}: {lost[0]}")


def _cut_anywhere(
    fmt: Format,
    exchange: Mapping[str, Any],
    data: bytes,
    *,
    events: list[Any],
    counts: dict[str, int],
) -> None:
    chance = random.Random(len(data))
    for _ in range(3):
        places = [chance.randrange(len(data)) for _ in range(_CUTS)]
        same = read(fmt, exchange, data, pieces=places) == events
        counts["cut at random places, equal" if same else "CUT DIFFERENTLY, DIFFER"] += 1


def _stream_again(
    fmt: Format, exchange: Mapping[str, Any], reply: Reply, *, counts: dict[str, int], told: str
) -> None:
    """The reply as a stream of ours, read again."""
    again = _streamed(fmt, reply, exchange)
    # A guess is not told to a client as one.
    counted = reply.usage is not None and not reply.usage.estimated
    keys = ("parts", "finish", "usage") if counted else ("parts", "finish")
    if reply.finish == "other":
        # A stream that never said why it ended: no word of the format says that.
        keys = tuple(key for key in keys if key != "finish")
    wrong = [key for key in keys if getattr(again, key) != getattr(reply, key)]
    counts["STREAM DIFFERS" if wrong else "stream equal to the whole"] += 1
    if wrong:
        key = wrong[0]
        print(
            f"  stream: {told}: {getattr(reply, key)!r:.300} against {getattr(again, key)!r:.300}"
        )


def _streamed(fmt: Format, reply: Reply, exchange: Mapping[str, Any]) -> Reply:
    from aihandler.domain.answer import ReplyDone

    # Ids that we make for calls are made from that of the reply.
    identity = ReplyIdentity(reply.request_id or IDENTITY.id, IDENTITY.model, 0)
    made = fmt.codec.stream_writer(identity, usage=True).write(ReplyDone(reply))
    again = {**exchange, "response_encoding": "text", "stream": True}
    events = read(fmt, again, made, pieces=[])
    found: Reply = events[-1].reply
    return found


def _write_again(
    fmt: Format, reply: Reply, sent: Any, *, counts: dict[str, int], told: str
) -> None:
    """A reply to our own and back."""
    identity = ReplyIdentity(sent.get("id"), sent.get("model"), sent.get("created"))
    made = json.loads(fmt.codec.write_reply(reply, identity))
    same = fmt.plain(made) == fmt.plain(sent)
    counts["replies equal" if same else "REPLIES DIFFER"] += 1
    if not same:
        print(f"  reply: {told}: {_difference(fmt.plain(sent), fmt.plain(made))}")


def _difference(one: Any, two: Any, where: str = "") -> str:
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted(one.keys() | two.keys(), key=str):
            if one.get(key, ...) != two.get(key, ...):
                return _difference(one.get(key, "absent"), two.get(key, "absent"), f"{where}/{key}")
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (a, b) in enumerate(zip(one, two, strict=True)):
            if a != b:
                return _difference(a, b, f"{where}/{place}")
    return f"{where}: {one!r:.120} against {two!r:.120}"


def _tells_error(exchange: Mapping[str, Any]) -> bool:
    return isinstance(exchange["response_body"], str) and '"error"' in exchange["response_body"]


def _whole_body(exchange: Mapping[str, Any]) -> Any:
    return exchange["response_body"]


_DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of recorded exchanges")
    parser.add_argument("--only", help="the name of one format")
    parser.add_argument("--table", action="store_true", help="print Markdown at the end")
    chosen = parser.parse_args()
    rows, failed = [], 0
    for name, fmt in FORMATS.items():
        if chosen.only not in {None, name}:
            continue
        print(f"{name}, load {os.getloadavg()[0]:.1f}")
        measured = dict(costs(fmt))
        for what, costs_us in measured.items():
            middle, least = statistics.median(costs_us), min(costs_us)
            print(f"  {what:45} {middle:7.1f} us CPU (least {least:.1f})")
        counts = _over_all(fmt, chosen.data) if chosen.data else Counter[str]()
        failed += sum(count for what, count in counts.items() if what.isupper())
        rows.append(_row(name, counts, [statistics.median(us) for us in measured.values()]))
    if chosen.table:
        print("", *_HEAD, *rows, sep="\n")
    return 1 if failed else 0


_HEAD = (
    "| format | exchanges | decoded | errors, typed | failed | usage equal / not | requests equal,"
    " named, not | replies equal / not | streams equal / not | cut anywhere | fallbacks equal,"
    " named, not | chunk us | read us | write us |",
    "| --- " * 14 + "|",
)


def _row(name: str, counts: Mapping[str, int], middles: list[float]) -> str:
    def told(*keys: str) -> str:
        return " / ".join(str(counts.get(key, 0)) for key in keys)

    cells = [
        name,
        told("exchanges"),
        told("decoded"),
        told("errors, typed"),
        told("FAILED"),
        told("usage equal to the provider's total", "USAGE MISMATCHES"),
        told("requests equal", "requests equal but for what is named", "REQUESTS DIFFER"),
        told("replies equal", "REPLIES DIFFER"),
        told("stream equal to the whole", "STREAM DIFFERS"),
        told("cut at random places, equal", "CUT DIFFERENTLY, DIFFER"),
        told("fallbacks, equal", "fallbacks, equal but for what is named", "FALLBACKS DIFFER"),
        *(f"{middle:.1f}" for middle in middles),
    ]
    return f"| {' | '.join(cells)} |"


def _over_all(fmt: Format, folder: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for exchange in map(json.loads, lines):
                if exchange["api"] == fmt.api and exchange["endpoint"].endswith(fmt.endpoint):
                    counts["exchanges"] += 1
                    examine(fmt, exchange, counts)
    for what, count in counts.items():
        print(f"  {what:45} {count:7}")
    return counts


if __name__ == "__main__":
    raise SystemExit(main())
