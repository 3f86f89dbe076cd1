"""Checks of the compiled plan: each takes accounts as compiled, and finds what is wrong with them."""
