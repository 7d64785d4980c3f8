"""Plain data that every room speaks in. No input or output, no clock, no randomness."""
