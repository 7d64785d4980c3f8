"""What the numbers of a comparison mean: intervals, paired tests, power, consistency."""
