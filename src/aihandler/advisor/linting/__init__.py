"""What the linter holds against what: money, units, prices, machines."""
