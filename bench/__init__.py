"""Benchmarks: `python -m bench` runs all of them, each prints what it measured and how."""
