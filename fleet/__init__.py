"""Many accounts at once: one stack for each account, their status, their runs in waves, and the run report."""
