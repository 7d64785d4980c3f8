"""Breaks servers and ourselves, and looks whether the promises hold: `python -m bench.faults`."""
