"""HTTP/1.1 on asyncio protocols and httptools: the parts that `transport.py` puts together."""
