"""The wire formats by the word that a deployment names them with (`backend:`)."""

from importlib import import_module

from aihandler.backends.codec import Codec

# Module and class of each; only those that a configuration uses are imported.
FORMATS = {
    "openai": ("openai_chat", "OpenAIChat"),
    "openai-responses": ("openai_responses", "OpenAIResponses"),
    "completions": ("completions", "Completions"),
    "anthropic": ("anthropic_messages", "AnthropicMessages"),
    "bedrock": ("bedrock_converse", "BedrockConverse"),
    "ollama": ("ollama", "Ollama"),
    "gemini": ("gemini", "Gemini"),
    "vertex": ("gemini", "Gemini"),
}


def codec_of(backend: str) -> Codec:
    """The codec of a backend that is reached over HTTP."""
    module, name = FORMATS[backend]
    codec: Codec = getattr(import_module(f"{__package__}.{module}"), name)()
    return codec
