"""``requires``: which versions an inventory allows, and the range that somebody meant."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from config.findings import Fault
from config.load import load_inventory
from config.required_version import PROGRAM, check_version
from config.validation import validate

RUNNING = version(PROGRAM)
NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
COMPARISONS = st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~=", "===", "^", "~", "~> ", "=", "=>", "", "v"])
CLAUSES = st.builds(
    lambda *parts: "".join(parts), COMPARISONS, NUMBERS, st.sampled_from(["", "", ".*", ".x", "rc1", "-beta"])
)
TEXTS = st.lists(CLAUSES, max_size=3).flatmap(
    lambda clauses: st.sampled_from([",", ", ", " ", " && ", " and ", ";", " || "]).map(lambda by: by.join(clauses))
) | st.text(max_size=12)


def fault_of(requires: object) -> Fault | None:
    faults = validate({"requires": requires}).faults
    return faults[0] if faults else None


@given(TEXTS)
def test_a_range_is_one_for_pip_too_and_the_advice_for_any_other_text_is_a_range(text: str) -> None:
    fault = fault_of(text)
    if fault is None:
        allowed = SpecifierSet(text).contains(RUNNING, prereleases=True)
        assert (check_version({"requires": text}) is None) == allowed
        return
    assert fault.path == ("requires",)
    assert check_version({"requires": text}) is None
    if fault.rule == "bad-value":
        assert (meant := re.fullmatch(r'write "(.*)"', fault.hint)) is not None
        assert fault_of(meant[1]) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.1.0", "==0.1.0"),
        ("v0.1", "==0.1.*"),
        ("0.1.x", "==0.1.*"),
        ("^0.1", ">=0.1,<0.2"),
        ("^1.2.3", ">=1.2.3,<2"),
        ("~> 0.1.2", ">=0.1.2,<0.2"),
        (">= 0.1 < 0.2", ">=0.1,<0.2"),
        ("=>0.1 and =<0.3", ">=0.1,<=0.3"),
        ("latest", ">=0.1,<1"),
    ],
)
def test_the_ranges_of_other_tools_are_translated(text: str, meant: str) -> None:
    assert (fault := fault_of(text)) is not None
    assert fault.hint == f'write "{meant}"'


def test_an_inventory_for_another_version_gives_nothing_to_compile_and_one_finding(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('requires: "!=' + RUNNING + '"\nversion: 7\nroles: 1\n')
    (tmp_path / "b.yaml").write_text("]")
    (tmp_path / "inventory.lock.yaml").write_text("version: 9\n")
    loaded = load_inventory(tmp_path)
    assert [finding.rule for finding in loaded.findings] == ["other-version"]
    assert loaded.inventory.model_fields_set == set()
    judged = load_inventory(tmp_path, any_version=True)
    assert {finding.rule for finding in judged.findings} >= {"bad-value", "wrong-type", "yaml-syntax"}
