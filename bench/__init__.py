"""Benchmarks: each prints a ratio against a yardstick that runs in the same process or in the same way."""
