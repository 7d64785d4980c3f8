"""Steps over documents: read, run each step once, keep what is done, write the results."""
