"""Whatever a text holds, reading it ends in data and problems, never in an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.yaml.document import read_document
from config.yaml.nodes import find_node


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t01.~<=é\x00\x85\ufeff"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    document = read_document(text)
    assert all(problem.place and problem.place.line >= 1 and problem.place.column >= 1 for problem in document.problems)


@given(st.text(max_size=40))
def test_text_in_quotes_comes_back_as_it_was(text: str) -> None:
    quoted = text.replace("'", "''")
    document = read_document(f"key: '{quoted}'")
    if not document.problems and "\n" not in text and "\r" not in text and text == text.strip() and text.isprintable():
        assert document.data == {"key": text}


def test_an_alias_bomb_ends_in_a_problem() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    document = read_document("\n".join(lines))
    assert {problem.rule for problem in document.problems} == {"yaml-feature"}


def test_merging_a_mapping_into_itself_ends() -> None:
    assert read_document("a: &a {<<: [*a, *a], b: c}").data == {"a": {"b": "c"}}


def test_chains_of_merges_are_followed_once_each() -> None:
    lines = ["a0: &a0 {k0: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: v}}" for n in range(1, 30)]
    data = read_document("\n".join(lines)).data
    assert isinstance(data, dict)
    assert data["a29"] == {f"k{n}": "v" for n in range(30)}


def test_an_own_key_wins_over_merged_ones_and_an_earlier_merge_over_a_later() -> None:
    text = "a: &a {x: a, y: a}\nb: &b {x: b, y: b, z: b}\nc: {<<: [*a, *b], x: c}\n"
    data = read_document(text).data
    assert isinstance(data, dict)
    assert data["c"] == {"x": "c", "y": "a", "z": "b"}


@pytest.mark.parametrize("depth", [60, 5000])
def test_deep_nesting_ends_in_a_problem(depth: int) -> None:
    assert read_document("a: " + "[" * depth + "]" * depth).problems


def test_a_place_is_that_of_the_value_and_a_key_has_its_own() -> None:
    document = read_document("roles:\n  deploy:\n    trust:\n      - repository: acme/shop\n")
    path = ("roles", "deploy", "trust", 0, "repository")
    value, depth = find_node(document.root, path)
    key, _ = find_node(document.root, path, of_key=True)
    assert value is not None
    assert key is not None
    assert (value.start_mark.line, value.start_mark.column, depth) == (3, 20, 5)
    assert (key.start_mark.line, key.start_mark.column) == (3, 8)
