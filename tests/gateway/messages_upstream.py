"""A server of Anthropic Messages on loopback, which says what a function tells it to."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Heard:
    """One request, as it came."""

    def __init__(self, path, headers, body) -> None:
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body
        self.body = json.loads(body) if body else None


class Upstream:
    """`speaks` makes the blocks of an answer of a request; or (status, headers, body), an error."""

    def __init__(self, speaks) -> None:
        self.speaks = speaks
        self.heard = []
        self.url = ""


def text(said):
    return {"type": "text", "text": said}


def calling(name, arguments, place="toolu_1"):
    return {"type": "tool_use", "id": place, "name": name, "input": arguments}


def error(status, kind, said, **headers):
    told = {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_far"}
    return status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(told).encode()


@contextlib.contextmanager
def upstream(speaks) -> Iterator[Upstream]:
    told = Upstream(speaks)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            heard = Heard(self.path, self.headers, self.rfile.read(size))
            told.heard.append(heard)
            status, headers, body = answered(told.speaks(heard.body), heard.body)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def answered(said, request):
    if isinstance(said, tuple):
        status, headers, body = said
        return status, {"content-type": "application/json", **headers}, body
    blocks = [text(said)] if isinstance(said, str) else said
    whole = message(blocks, request["model"])
    if request.get("stream"):
        return 200, {"content-type": "text/event-stream; charset=utf-8"}, streamed(whole)
    return 200, {"content-type": "application/json"}, json.dumps(whole).encode()


def message(blocks, model):
    tools = any(block["type"] == "tool_use" for block in blocks)
    return {
        "id": "msg_far",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": "tool_use" if tools else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 9,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 7,
            "output_tokens": 4,
        },
    }


def streamed(whole):
    events = [{"type": "message_start", "message": opening(whole)}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        bare, deltas = block_in_pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": bare})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 4}})
    events.append({"type": "message_stop"})
    lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return "".join(lines).encode()


def opening(whole):
    usage = {**whole["usage"], "output_tokens": 1}
    return {**whole, "content": [], "stop_reason": None, "usage": usage}


def block_in_pieces(block):
    match block["type"]:
        case "text":
            said = block["text"]
            half = len(said) // 2
            pieces = [said[:half], said[half:]]
            return text(""), [{"type": "text_delta", "text": piece} for piece in pieces]
        case "thinking":
            bare = {"type": "thinking", "thinking": "", "signature": ""}
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return bare, [{"type": "thinking_delta", "thinking": block["thinking"]}, signed]
        case _:
            said = json.dumps(block["input"])
            delta = {"type": "input_json_delta", "partial_json": said}
            return {**block, "input": {}}, [delta]
