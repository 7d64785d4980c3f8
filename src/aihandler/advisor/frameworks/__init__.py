"""Published ways to decide between open and closed models, as data, and what reads them."""
