"""HTTP in: the engine behind the addresses that clients of OpenAI and Anthropic know."""

from aihandler.gateway.app import Gateway

__all__ = ["Gateway"]
