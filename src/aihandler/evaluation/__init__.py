"""Which deployment is good enough for a task: data, scorers, paired statistics, one page."""
