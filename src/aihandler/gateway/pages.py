"""The routes that only look: models, health."""

from collections.abc import Awaitable, Callable

import msgspec

from aihandler.gateway.admission import Asker
from aihandler.gateway.http import HttpRequest, Reply, Send, send_whole
from aihandler.gateway.serving import Serving

_encode = msgspec.json.Encoder().encode
_OK = Reply(200, b'{"status":"ok"}')


def models(serving: Serving) -> Callable[[HttpRequest, Asker, Send], Awaitable[None]]:
    """All that `model` may say, in a form that clients of OpenAI and of Anthropic read."""

    async def answer(request: HttpRequest, asker: Asker, send: Send) -> None:  # noqa: ARG001 - a route's shape
        rows = [
            {
                "id": name,
                "object": "model",
                "type": "model",
                "display_name": name,
                "created": 0,
                "created_at": "1970-01-01T00:00:00Z",
                "owned_by": "aihandler",
            }
            for name in serving.targets.names()
        ]
        ids = [row["id"] for row in rows]
        listed = {
            "object": "list",
            "data": rows,
            "has_more": False,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
        await send_whole(send, Reply(200, _encode(listed)))

    return answer


async def health(send: Send) -> None:
    """The process answers."""
    await send_whole(send, _OK)
