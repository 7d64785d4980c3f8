"""One module for each wire format; `FORMATS` has them by name."""

from bench.wire_formats import (
    anthropic_messages,
    bedrock,
    completions,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
)

FORMATS = {
    "OpenAI chat": openai_chat.FORMAT,
    "Anthropic Messages": anthropic_messages.FORMAT,
    "OpenAI Responses": openai_responses.FORMAT,
    "Gemini": gemini.FORMAT,
    "Bedrock Converse": bedrock.FORMAT,
    "Ollama": ollama.FORMAT,
    "Raw completions": completions.FORMAT,
}
