"""What inventories are made of, for property tests."""

from typing import Any

from hypothesis import strategies as st

REPOSITORIES = ("acme/a", "acme/b", "beta/c")
ENVIRONMENTS = ("staging", "Production EU", "q.a", "{braces}", "größer")


def some_of(*values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, unique=True)
