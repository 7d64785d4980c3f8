"""What a task costs by each way of running it, from measured points and stated figures."""
