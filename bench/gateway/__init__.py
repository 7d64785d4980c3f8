"""The gateway beside other ways to the same server: `python -m bench.gateway`."""
