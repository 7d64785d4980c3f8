"""HTTP in: the engine behind the addresses that clients of OpenAI and Anthropic know.

Nothing is imported here: the supervisor lives in this package too and needs no application.
"""
