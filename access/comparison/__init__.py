"""Comparing two plans: what a change means for access, before it is applied."""
