"""Faults of our own processes, files and clocks, and of clients that mean no good."""


def faults():
    return {}
