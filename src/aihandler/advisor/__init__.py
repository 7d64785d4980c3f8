"""Open or closed, per task: what it costs, what published rules say, what to do next."""
