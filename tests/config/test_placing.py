"""Checks yield faults and change nothing; places are looked up at the end, and nobody reads what a message says."""

import ast
import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from access.compile import compile_plan
from config.load import load_inventory

PROJECT = Path(__file__).parent.parent.parent
FAULTY = PROJECT / "tests" / "fixtures" / "faulty"
TODAY = date(2026, 11, 23)
ROOMS = ("access", "config", "review")
PROSE = frozenset({"message", "hint"})


@pytest.mark.parametrize(
    "fixture",
    [
        "unused-allow--in-trust.yaml",
        "stale-lock--environment-that-is-gone",
        "needs-lock--accounts-of-an-organization.yaml",
        "guardrail-action--beside-a-deny",
        "missing-key--account-id.yaml",
    ],
)
def test_compiling_again_gives_the_same_and_changes_nothing_of_what_was_loaded(fixture: str) -> None:
    loaded = load_inventory(FAULTY / fixture, today=TODAY)
    data, faults = copy.deepcopy(loaded.sources.data), loaded.faults
    first = compile_plan(loaded)
    assert first.findings
    assert compile_plan(loaded) == first
    assert (loaded.sources.data, loaded.faults) == (data, faults)


def read_prose(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what compares, searches or replaces in the text of a message or a hint."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                yield from (operand for operand in (left, *others) if is_prose(operand))
            case ast.Call(func=ast.Attribute(value=held, attr=called), args=given):
                if is_prose(held) and called not in ("format", "encode"):
                    yield node
                if called in ("match", "fullmatch", "search", "findall", "finditer", "sub", "split"):
                    yield from (argument for argument in given if is_prose(argument))


def is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in PROSE


@pytest.mark.parametrize("room", ROOMS)
def test_no_code_reads_the_text_of_a_message(room: str) -> None:
    for path in sorted((PROJECT / room).rglob("*.py")):
        lines = [node.lineno for node in read_prose(ast.parse(path.read_text())) if hasattr(node, "lineno")]
        assert not lines, f"{path.relative_to(PROJECT)}: {lines}"


def test_reading_a_message_would_be_seen() -> None:
    for line in (
        'fault.hint == "x"',
        '"x" in fault.message',
        "re.search(p, fault.message)",
        'f.hint.replace("a", "b")',
    ):
        assert list(read_prose(ast.parse(line))), line


@given(st.lists(st.sampled_from(["aa:", "bb:", "cc: 1", "  dd:", "# no", "", "roles:", "accounts:"]), max_size=8))
@example(["aa:", "bb:", "cc:"])
def test_any_run_of_keys_with_nothing_below_them_gives_findings(lines: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.yaml"
        path.write_text("\n".join(["workspaces: {}", *lines]))
        compiled = compile_plan(load_inventory(path, today=TODAY))
    unknown = {line.strip(": 1") for line in lines} & {"aa", "bb", "cc"}
    assert bool(compiled.findings) or not unknown
