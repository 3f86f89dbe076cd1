"""Compare two plans: the effect of a change on access, before it is applied."""
