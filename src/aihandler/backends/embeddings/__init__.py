"""Texts as vectors: the forms of OpenAI (and Voyage), Gemini and Vertex, and Ollama.

Each message of a Request is one text; the vectors stand in `Reply.vectors`, in their order.
"""

from collections.abc import Mapping
from importlib import import_module

from aihandler.backends.codec import Codec
from aihandler.backends.embeddings.form import EmbeddingCodec

__all__ = ["EMBEDDERS", "EmbeddingCodec", "embedder_of"]

# Module of each, by the word that a deployment names its wire format with (`backend:`).
EMBEDDERS: Mapping[str, str] = {
    "openai": "openai",
    "gemini": "gemini",
    "vertex": "vertex",
    "ollama": "ollama",
}


def embedder_of(backend: str) -> Codec | None:
    """The codec for vectors; None where a format has none."""
    module = EMBEDDERS.get(backend)
    if module is None:
        return None
    form = import_module(f"{__package__}.{module}").FORM
    return EmbeddingCodec(form)
