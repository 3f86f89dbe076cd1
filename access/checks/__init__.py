"""Checks of the compiled plan: each takes compiled accounts and yields their faults."""
